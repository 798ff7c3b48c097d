"""Maps over a picture as files to work on with: PNG, SVG in layers, NumPy, and a figure for LaTeX."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

import core
from dashboard import figures

Floats = npt.NDArray[np.float32]
SIDE, OPACITY = 512, 0.9
TEX = r"""%% \usepackage{graphicx} in the preamble; row.png is the same picture
\begin{figure}
  \centering
  \includegraphics[width=\linewidth]{row.pdf}\\[2pt]
  \setlength{\tabcolsep}{0pt}
  \begin{tabular}{%s}
    %s
  \end{tabular}
  \caption{%s}
\end{figure}
"""
SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$"}
SPECIAL |= {sign: "\\" + sign for sign in "&%$#_{}"} | {"“": "``", "”": "''"}


def each_map(
    picture: Floats, maps: Mapping[str, Floats], titles: Mapping[str, str], *, opacity: float = OPACITY
) -> bytes:
    """Every map as ``NAME.png``, over the picture (H, W, 3) as ``NAME.svg`` in layers, and as numbers: a zip."""
    files = {"maps.npz": core.encode_npz({"picture": picture, **maps})}
    seen = figures.enlarged(picture, SIDE)
    grey = np.repeat(seen.mean(axis=-1, keepdims=True), 3, axis=-1)
    below = figures.data_url(core.encode_png(grey))
    for name, values in maps.items():
        large = figures.enlarged(values, SIDE)
        files[f"{name}.png"] = core.encode_png(figures.evidence(seen, large, opacity))
        colours, cover = figures.evidence_layer(large, opacity)
        above, covering = (figures.data_url(core.encode_png(one)) for one in (colours, cover[..., 0]))
        files[f"{name}.svg"] = figures.layered_svg((below, above, covering), seen.shape[:2], titles[name])
    return zipped(files)


def latex_figure(
    picture: Floats, maps: Mapping[str, Floats], titles: Mapping[str, str], caption: str, *, opacity: float = OPACITY
) -> bytes:
    """The row as ``row.pdf`` and ``row.png``, and ``figure.tex`` that names every map and says the caption: a zip."""
    seen = figures.enlarged(picture, SIDE)
    tiles = [figures.evidence(seen, figures.enlarged(values, SIDE), opacity) for values in maps.values()]
    row = core.tile(core.to_float(np.stack(tiles)), columns=len(tiles), background=1.0)
    part = f"{0.99 / len(maps):.4f}"
    columns = rf"*{{{len(maps)}}}{{p{{{part}\linewidth}}}}"
    names = " & ".join(rf"\centering\scriptsize {in_latex(titles[name])}" for name in maps) + r" \tabularnewline"
    tex = TEX % (columns, names, in_latex(caption))
    return zipped({"figure.tex": tex.encode(), "row.pdf": core.encode_pdf(row), "row.png": core.encode_png(row)})


def in_latex(text: str) -> str:
    """A text as LaTeX shows it as it is."""
    return "".join(SPECIAL.get(sign, sign) for sign in text)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()
