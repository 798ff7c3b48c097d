"""A picture and numbers about its pixels -> one picture."""

from __future__ import annotations

from html import escape

import numpy as np

from dashboard.figures.colours import Floats, Pixels, coloured


def over(picture: Floats, values: Floats, colours: str, opacity: float) -> Pixels:
    """A map (h, w) in [0, 1] laid over a picture (H, W, 3), each value a block of pixels."""
    colour = coloured(fitted(values, picture.shape), colours) / 255
    return ((picture * (1 - opacity) + colour * opacity) * 255).round().astype(np.uint8)


def perturbation(before: Floats, after: Floats) -> tuple[Floats, float]:
    """The change between two pictures (H, W, 3) around mid grey, and the factor that makes it just fill the range."""
    change = after - before
    factor = 0.5 / max(float(np.abs(change).max()), 1e-6)
    factor = factor if factor < 1e3 else 1.0
    return np.clip(0.5 + change * factor, 0, 1).astype(np.float32), factor


def evidence(picture: Floats, values: Floats, opacity: float, *, limit: float | None = None) -> Pixels:
    """A map (H, W) of what speaks for (red) and against (blue) over a picture (H, W, 3) in grey; 0 is clear.

    The scale ends at ``limit``: the 99th percentile of the map's absolute values where it is None, so that single
    pixels do not hide the rest.
    """
    colour, part = evidence_layer(values, opacity, limit=limit)
    grey = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    return ((grey * (1 - part) + colour * part) * 255).round().astype(np.uint8)


def evidence_layer(values: Floats, opacity: float, *, limit: float | None = None) -> tuple[Floats, Floats]:
    """What ``evidence`` lays over the picture: colours (H, W, 3), and how much they cover (H, W, 1), both in [0, 1]."""
    strength = values / max(float(np.percentile(np.abs(values), 99)) if limit is None else limit, 1e-12)
    strength = np.clip(strength, -1, 1)
    colour = coloured((0.5 + strength / 2).astype(np.float32), "RdBu_r") / 255
    return colour.astype(np.float32), (opacity * np.sqrt(np.abs(strength))[..., None]).astype(np.float32)


def layered_svg(layers: tuple[str, str, str], size: tuple[int, int], title: str) -> bytes:
    """A picture below a map as an SVG of two layers, ``picture`` and ``map``, that a drawing program can take apart.

    ``layers`` are the addresses of picture, colours, and in grey how much the colours cover; ``size`` (height, width).
    """
    height, width = size
    picture, colours, cover = (
        f'<image width="{width}" height="{height}" href="{one}" preserveAspectRatio="none"/>' for one in layers
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{escape(title)}</title>"
        f'<mask id="cover" mask-type="luminance" maskUnits="userSpaceOnUse" width="{width}" height="{height}">'
        f'{cover}</mask><g id="picture">{picture}</g><g id="map" mask="url(#cover)">{colours}</g></svg>\n'
    ).encode()


def evidence_scale(opacity: float, *, height: int = 12, width: int = 240) -> Pixels:
    """The colours of ``evidence`` from one end to the other, over grey."""
    values = np.linspace(-1, 1, width, dtype=np.float32)[None].repeat(height, axis=0)
    return evidence(np.full((height, width, 3), 0.5, np.float32), values, opacity, limit=1.0)


def pooled(values: Floats, side: int) -> Floats:
    """A map (H, W) summed over squares, so that its longer side has at most ``side`` of them."""
    step = max(1, -(-max(values.shape) // side))
    rows, columns = (np.arange(0, length, step) for length in values.shape)
    summed: Floats = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
    return summed


def fitted(values: Floats, shape: tuple[int, ...]) -> Floats:
    """A map (h, w) as one of the height and width of ``shape``, each number a block."""
    rows, columns = (np.arange(n) * of // n for n, of in zip(shape[:2], values.shape, strict=True))
    return values[rows][:, columns]


def stretched(picture: Floats, shape: tuple[int, ...]) -> Pixels:
    """A picture (H, W, 3) in [0, 1], smoothly, at the height and width of ``shape``."""
    large = _resized(picture, (*shape[:2], 3), anti_aliasing=picture.shape[0] > shape[0])
    return np.rint(np.clip(large, 0, 1) * 255).astype(np.uint8)


def _resized(values: Floats, shape: tuple[int, ...], *, anti_aliasing: bool) -> Floats:
    from skimage.transform import resize  # half a second of imports, which the first page does not wait for

    found: Floats = resize(values, shape, order=1, mode="edge", anti_aliasing=anti_aliasing)
    return found


def over_by_strength(drawn: Pixels, picture: Floats, strength: Floats) -> Pixels:
    """A drawing (H, W, 3) over a picture: full where ``strength`` (rows, columns) is highest, a fifth where it is 0."""
    part = strength / max(float(strength.max()), 1e-12)
    large = _resized(part, drawn.shape[:2], anti_aliasing=False)
    opacity = (0.2 + 0.8 * np.sqrt(np.clip(large, 0, 1)))[..., None]
    mixed = drawn * opacity + stretched(picture, drawn.shape) * (1 - opacity)
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
