"""Small interactive pieces that Streamlit does not have, as v2 components: they use the theme's own colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

_WALL_HTML = """
<div class="wall" role="listbox" tabindex="0">
  <img alt="">
  <div class="mark hover"></div>
  <div class="mark chosen"></div>
  <output></output>
</div>
"""

_WALL_CSS = """
.wall { position: relative; line-height: 0; cursor: pointer; outline: none; }
.wall img { width: 100%; border-radius: var(--st-base-radius); }
.wall:focus-visible img { box-shadow: 0 0 0 2px var(--st-primary-color); }
.mark { position: absolute; box-sizing: border-box; pointer-events: none; display: none; border-radius: 3px; }
.hover { border: 2px solid var(--st-text-color); }
.chosen { border: 3px solid var(--st-primary-color); box-shadow: 0 0 0 1px var(--st-background-color); }
output { position: absolute; display: none; pointer-events: none; z-index: 2; line-height: 1.3; white-space: nowrap;
  font: 0.8rem var(--st-font); padding: 2px 8px; border-radius: 6px; color: var(--st-background-color);
  background: var(--st-text-color); }
"""

_WALL_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const wall = parentElement.querySelector(".wall");
  const image = wall.querySelector("img");
  const [hover, chosen] = wall.querySelectorAll(".mark");
  const label = wall.querySelector("output");
  const { columns, labels } = data;
  const rows = Math.ceil(labels.length / columns);
  if (image.src !== data.image) image.src = data.image;
  image.alt = data.alt;
  image.style.imageRendering = data.smooth ? "auto" : "pixelated";
  wall.setAttribute("aria-label", data.alt);

  function put(mark, tile) {
    const shown = tile >= 0 && tile < labels.length;
    mark.style.display = shown ? "block" : "none";
    mark.style.left = `${(tile % columns) / columns * 100}%`;
    mark.style.top = `${Math.floor(tile / columns) / rows * 100}%`;
    mark.style.width = `${100 / columns}%`;
    mark.style.height = `${100 / rows}%`;
    return shown;
  }
  function tell(tile) {
    label.style.display = put(hover, tile) ? "block" : "none";
    if (label.style.display === "none") return;
    label.textContent = labels[tile];
    const left = (tile % columns) / columns;
    label.style.left = left < 0.6 ? `${left * 100}%` : "auto";
    label.style.right = left < 0.6 ? "auto" : `${(1 - left - 1 / columns) * 100}%`;
    label.style.top = `calc(${(Math.floor(tile / columns) + 1) / rows * 100}% + 4px)`;
  }
  function under(event) {
    const box = image.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / box.width * columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    return column < 0 || column >= columns ? -1 : row * columns + column;
  }
  let at = data.chosen;
  put(chosen, data.chosen);
  wall.onmousemove = event => tell(under(event));
  wall.onmouseleave = () => tell(-1);
  wall.onclick = event => {
    const tile = under(event);
    if (tile < 0 || tile >= labels.length) return;
    at = tile;
    put(chosen, tile);
    setTriggerValue("picked", tile);
  };
  wall.onkeydown = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step !== undefined) {
      at = Math.min(Math.max(at + step, 0), labels.length - 1);
      tell(at);
    } else if (event.key === "Enter" || event.key === " ") {
      put(chosen, at);
      setTriggerValue("picked", at);
    } else return;
    event.preventDefault();
  };
}
"""

_wall = st.components.v2.component("convscope_wall", html=_WALL_HTML, css=_WALL_CSS, js=_WALL_JS)


def wall(
    image: str,
    *,
    columns: int,
    labels: Sequence[str],
    chosen: int,
    alt: str,
    key: str,
    on_pick: Callable[[int], None],
    smooth: bool = False,
) -> None:
    """A mosaic whose tiles answer to mouse and keyboard.

    Args:
        image: address of the mosaic's picture, ``figures.data_url``.
        columns: tiles in a row.
        labels: what to show beside the cursor, one for each tile.
        chosen: index of the marked tile, -1 for none.
        alt: the mosaic in words.
        key: the component's own key.
        on_pick: called with the index of a tile that was clicked.
        smooth: magnify smoothly, as a photograph; without it each number stays a block.
    """

    def picked() -> None:
        tile = st.session_state[key].picked
        if isinstance(tile, int) and 0 <= tile < len(labels):
            on_pick(tile)

    _wall(
        data={
            "image": image,
            "columns": columns,
            "labels": list(labels),
            "chosen": chosen,
            "alt": alt,
            "smooth": smooth,
        },
        key=key,
        on_picked_change=picked,
    )


# ------------------------------------------------------------------------------------------- before and after

_COMPARE_HTML = """
<div class="compare">
  <img class="after" alt="">
  <img class="before" alt="">
  <div class="line"></div>
  <input type="range" min="0" max="100" step="1" value="50">
</div>
"""

_COMPARE_CSS = """
.compare { position: relative; line-height: 0; overflow: hidden; border-radius: var(--st-base-radius); }
.compare img { width: 100%; }
.compare .before { position: absolute; inset: 0; height: 100%; }
.line { position: absolute; top: 0; bottom: 0; width: 3px; margin-left: -1px; pointer-events: none;
  background: var(--st-primary-color); }
.compare input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
.compare:focus-within .line { box-shadow: 0 0 0 2px var(--st-text-color); }
"""

_COMPARE_JS = """
export default function ({ data, parentElement }) {
  const [after, before] = parentElement.querySelectorAll("img");
  const line = parentElement.querySelector(".line");
  const range = parentElement.querySelector("input");
  if (after.src !== data.after) after.src = data.after;
  if (before.src !== data.before) before.src = data.before;
  after.alt = data.alt;
  range.setAttribute("aria-label", data.alt);
  const show = () => {
    before.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    line.style.left = `${range.value}%`;
  };
  range.oninput = show;
  show();
}
"""

_compare = st.components.v2.component("convscope_compare", html=_COMPARE_HTML, css=_COMPARE_CSS, js=_COMPARE_JS)


def compare(before: str, after: str, *, alt: str, key: str) -> None:
    """Two pictures of one size, one over the other, with a line between them that follows mouse, finger or arrows.

    Args:
        before: address of the picture on the left, ``figures.data_url``.
        after: of the one on the right.
        alt: both in words.
        key: the component's own key.
    """
    _compare(data={"before": before, "after": after, "alt": alt}, key=key)


# --------------------------------------------------------------------------------------------------- painting

_PAINT_HTML = """
<div class="paint" tabindex="0" role="img">
  <img alt="">
  <parameterization></parameterization>
</div>
"""

_PAINT_CSS = """
.paint { position: relative; line-height: 0; cursor: crosshair; touch-action: none; user-select: none; }
.paint img { width: 100%; border-radius: var(--st-base-radius); pointer-events: none; }
.paint parameterization { position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated; opacity: 0.55; }
"""

_PAINT_JS = """
const SIDE = 32;
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".paint");
  const image = root.querySelector("img");
  const parameterization = root.querySelector("parameterization");
  const pen = parameterization.getContext("2d");
  parameterization.width = parameterization.height = SIDE;
  if (image.src !== data.image) image.src = data.image;
  root.setAttribute("aria-label", data.alt);
  const cells = new Uint8Array(SIDE * SIDE);
  if (data.cells) {
    const bytes = atob(data.cells.replaceAll("-", "+").replaceAll("_", "/"));
    cells.forEach((_, i) => { cells[i] = (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1; });
  }
  const colour = getComputedStyle(root).getPropertyValue("--st-primary-color") || "#0aa";
  function draw() {
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.fillStyle = colour;
    cells.forEach((on, i) => { if (on) pen.fillRect(i % SIDE, i / SIDE | 0, 1, 1); });
  }
  function place(event) {
    const box = parameterization.getBoundingClientRect();
    const at = (value, side) => Math.min(Math.max(Math.floor(value / side * SIDE), 0), SIDE - 1);
    return [at(event.clientX - box.left, box.width), at(event.clientY - box.top, box.height)];
  }
  function fill(left, top, right, bottom) {
    for (let y = Math.max(top, 0); y <= Math.min(bottom, SIDE - 1); y++)
      for (let x = Math.max(left, 0); x <= Math.min(right, SIDE - 1); x++) cells[y * SIDE + x] = data.erase ? 0 : 1;
  }
  let from = null, kept = null;
  root.onpointerdown = event => {
    from = place(event);
    kept = cells.slice();
    root.setPointerCapture(event.pointerId);
    root.onpointermove(event);
  };
  root.onpointermove = event => {
    if (!from) return;
    const [x, y] = place(event);
    if (data.rectangle) {
      cells.set(kept);
      fill(Math.min(from[0], x), Math.min(from[1], y), Math.max(from[0], x), Math.max(from[1], y));
    } else fill(x - 1, y - 1, x + 1, y + 1);
    draw();
  };
  root.onpointerup = () => {
    if (!from) return;
    from = null;
    let text = "";
    for (let i = 0; i < cells.length; i += 8) {
      let byte = 0;
      for (let bit = 0; bit < 8; bit++) byte = byte * 2 + cells[i + bit];
      text += String.fromCharCode(byte);
    }
    setTriggerValue("painted", btoa(text).replaceAll("+", "-").replaceAll("/", "_"));
  };
  draw();
}
"""

_paint = st.components.v2.component("convscope_paint", html=_PAINT_HTML, css=_PAINT_CSS, js=_PAINT_JS)


def paint(
    image: str, *, cells: str, rectangle: bool, erase: bool, alt: str, key: str, on_paint: Callable[[str], None]
) -> None:
    """A picture on which a person paints a region of 32 x 32 cells, by brush or rectangle.

    Args:
        image: address of the picture, ``figures.data_url``.
        cells: what is painted so far: the cells' bits, row by row, as URL-safe base64, or nothing.
        rectangle: a drag fills a rectangle; without, it is a brush of three cells.
        erase: take away instead.
        alt: what the picture is, in words.
        key: the component's own key.
        on_paint: called with the cells after every stroke.
    """

    def painted() -> None:
        new = st.session_state[key].painted
        if isinstance(new, str) and len(new) <= 200:
            on_paint(new)

    _paint(
        data={"image": image, "cells": cells, "rectangle": rectangle, "erase": erase, "alt": alt},
        key=key,
        on_painted_change=painted,
    )
