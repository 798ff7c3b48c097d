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
