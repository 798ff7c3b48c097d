"""What the page of learning and memorizing shows: what is told, what came of it, and where to look further."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

import core
from dashboard import figures, words
from dashboard.figures.training import Curve
from dashboard.recipes import Memorize, Pair
from dashboard.server import uploads

TWELVE, SIDE, LABEL = 12, 64, 22
MEASURED = Path(__file__).parents[1] / "assets" / "memorized.json"
LOOKED_AT = 4
CURVES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "clean_accuracy", "corrupted_accuracy")
SOURCE = (
    "After Zhang et al., [Understanding deep learning requires rethinking generalization]"
    "(https://arxiv.org/abs/1611.03530), 2017."
)
PAPER = (
    "**What the paper found.** An Inception of 1,649,402 parameters on the 50,000 pictures of CIFAR-10 (training and "
    "test accuracy, in per cent): 100 / 89.05 with random crops and weight decay, 100 / 85.75 without both, and "
    "**100 / 9.78 on random labels**. So what keeps such a network from memorizing is neither its size nor these "
    "regularizers alone; whatever is said of how well it will do on new pictures must hold for the memorizer, too. "
    "Random labels took longer to fit, but not much, and permuted and noise pixels were fit as well.  \n"
    "**What this page shows of it**: the same on a thousand small pictures, with a network of 86,282 parameters. It "
    "does not show that large networks on large data do so, nor why the other network generalizes; and the 95 % "
    "intervals are those of 450 test pictures, for one seed. With partly corrupted labels, watch the two thin curves: "
    "labels that are true are fit before those that are not, for simple patterns are learned first "
    "([Arpit et al., 2017](https://arxiv.org/abs/1706.05394))."
)


TIMES = (
    "In the paper the time to fit grows with the labels that were drawn anew. Here it jumps with the first of them and "
    "then stays; the test error grows as it does there."
)
"""What was measured, where it is not what the paper has; ``core.bundled.memorized`` measures it."""


def curves(recipe: Memorize, pair: Pair) -> list[Curve]:
    """What is drawn of both networks."""
    return [
        Curve(
            core.CONDITIONS[recipe.conditions[key]].title,
            _drawn(frame.run.condition, frame.curves),
            frame.fitted_steps * frame.epoch / frame.steps,
        )
        for key, frame in sorted(pair.frames.items())
    ]


def _drawn(condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The curves that say something: clean and corrupted labels apart where there are many of both."""
    apart = core.CONDITIONS[condition].corruptible
    return {name: np.array(one, float) for name, one in values.items() if apart or name[:5] in ("train", "test_")}


def show_pictures(recipe: Memorize) -> None:
    """Twelve pictures under both conditions, with the labels that the networks are told, the changed ones marked."""
    for key, condition in recipe.conditions.items():
        told, row = recipe.task(key), core.CONDITIONS[condition]
        st.markdown(f"**{row.title}.** {row.says}")
        with st.container(horizontal=True, gap="small"):
            for index in core.evenly(len(told.labels), TWELVE).tolist():
                with st.container(width=SIDE, gap="xxsmall"):
                    _show_picture(told, index)
    changed = recipe.task("b").changed.mean()
    st.caption(
        f"{TWELVE} of the pictures to train on. What was changed is orange, with the true label struck out. "
        f"Of all labels of the second network, {changed:.1%} are not the true ones. The labels of the test pictures "
        "are always true."
    )


def _show_picture(told: core.MemorizationTask, index: int) -> None:
    changed = bool(told.changed[index])
    name, true = (words.text(_short(told.names[label])) for label in (told.labels[index], told.true[index]))
    picture = figures.magnified(told.shown[index], SIDE)
    st.image(figures.framed(picture, changed), width="stretch", alt=f"A picture of “{true}”, told to be “{name}”")
    st.caption(f":orange[**{name}**] ~~{true}~~" if changed else name)


def _short(name: str) -> str:
    return name if len(name) <= LABEL else name[: LABEL - 1] + "…"


def show_numbers(recipe: Memorize, pair: Pair) -> None:
    """What both have come to, with intervals, and what went wrong where something did."""
    rows = []
    for key, frame in sorted(pair.frames.items()):
        low, high = core.accuracy_interval(frame.test_accuracy, frame.test_pictures)
        rows.append(
            {
                "told": core.CONDITIONS[recipe.conditions[key]].title,
                "right of what it was told": f"{frame.train_accuracy:.1%}",
                "right on the test": f"{frame.test_accuracy:.1%} (95 %: {low:.1%} to {high:.1%})",
                "everything fit": _fitted(frame) if frame.fitted_steps else f"not in {frame.epoch} epochs",
            }
        )
    st.table(rows)
    frame = next(iter(pair.frames.values()))
    low, high = frame.chance
    st.caption(
        f"{frame.parameters:,} parameters, {frame.pictures:,} pictures to train on. On {frame.test_pictures} test "
        f"pictures of {len(frame.names)} classes, one who guesses is right {low:.1%} to {high:.1%} of the time, 95 "
        "times of 100 (the grey band); two test accuracies whose intervals overlap should not be called different. "
        "★ marks where everything was right for the first time."
        f"{_gaussian(recipe)}"
    )
    for key, frame in sorted(pair.frames.items()):
        if problem := _problem(frame):
            st.warning(f"{core.CONDITIONS[recipe.conditions[key]].title}: {problem}", icon=":material/trending_flat:")


def _fitted(frame: core.TrainingFrame) -> str:
    return f"after {frame.fitted_steps:,} steps ({frame.fitted_steps * frame.epoch / frame.steps:.1f} epochs)"


def _gaussian(recipe: Memorize) -> str:
    shown = "gaussian" in recipe.conditions.values()
    return (
        " Gaussian pixels outside 0 to 1 are trained on as they are; what is shown of them is cut off." if shown else ""
    )


def _problem(frame: core.TrainingFrame) -> str:
    """What went wrong, in a sentence, where a run is over and has not fit everything."""
    if frame.fitted:
        return ""
    if frame.epoch >= 3 and not frame.has_learned:
        return "it has learned nothing yet. Too large a step size never leaves chance; try a smaller one."
    if frame.epoch < frame.total:
        return ""
    if frame.parameters < 4 * frame.pictures:
        return (
            f"it could not fit everything: {frame.parameters:,} parameters are few for {frame.pictures:,} pictures. "
            "Choose a larger width."
        )
    return f"{frame.epoch} epochs were not enough to fit everything. Go on, or switch off what keeps it from that."


def show_links(recipe: Memorize, names: dict[str, str]) -> None:
    """Where the other pages show both networks, on one of the pictures."""
    links = []
    told = recipe.task("b")
    which = int(np.argmax(told.changed)) if told.changed.any() else 0
    title = f"{told.names[told.true[which]]}, told {told.names[told.labels[which]]}"
    for key, network in names.items():
        if not network:
            continue
        pixels = core.to_uint8(np.ascontiguousarray(recipe.task(key).shown[which][None]))
        here = {"network": network, "picture": uploads.keep(uploads.Photo(words.harmless(title), pixels))}
        pages = {"why": "Grad-CAM", "activations": "activations", "units": "top patches", "map": "map of pictures",
                 "filters": "maximized units"}  # fmt: skip
        listed = ", ".join(f"[{what}]({words.link(page, **here)})" for page, what in pages.items())
        links.append(f"**{words.text(recipe.title(key))}**: {listed}")
    if links:
        st.markdown(
            "Both networks are in the list of networks now, for this session. "
            f"With the picture “{words.text(title)}”:  \n" + "  \n".join(links)
        )


def show_measured() -> None:
    """Finished curves, until a person runs their own."""
    found = _measured()
    if not found:
        return
    pair = found["pair"]
    drawn = [
        Curve(
            core.CONDITIONS[name].title,
            _drawn(name, run["curves"]),
            run["fitted_steps"] / run["steps"] * len(run["curves"]["train_accuracy"]),
        )
        for name, run in pair.items()
    ]
    chance = core.chance_interval(found["classes"], next(iter(pair.values()))["test_pictures"])
    st.plotly_chart(
        figures.training(drawn, chance), config=figures.PLAIN, key="measured", alt="Curves of a finished run"
    )
    st.caption("A finished run on the digits. Press Run for your own.")
    show_sweep_points(found["sweep"], key="measured_sweep")
    st.caption(f"The paper's figure 1 on the digits, three seeds. {TIMES}")


@cache
def _measured() -> dict[str, Any]:
    return dict(json.loads(MEASURED.read_text(encoding="utf-8"))) if MEASURED.exists() else {}


def show_sweep_points(points: list[dict[str, Any]], *, key: str) -> None:
    """Time to fit and test error against corruption: the mean over seeds where there are several."""
    corruptions = sorted({one["corruption"] for one in points})
    groups = [[one for one in points if one["corruption"] == part] for part in corruptions]
    steps = [float(np.mean([one["steps"] or np.nan for one in group])) for group in groups]
    errors = [float(np.mean([one["test_error"] for one in group])) for group in groups]
    lows, highs = ([float(np.mean([one["interval"][end] for one in group])) for group in groups] for end in (0, 1))
    chart = figures.corruption(corruptions, steps, errors, list(zip(lows, highs, strict=True)))
    st.plotly_chart(chart, config=figures.PLAIN, key=key, alt="Time to fit and test error against corrupted labels")


def keras_file(frame: core.TrainingFrame) -> bytes:
    """A network as Keras saves it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        frame.classifier.network.save(path)
        return path.read_bytes()


def curves_npz(pair: Pair) -> bytes:
    """Every curve of both networks: ``a_train_accuracy``, ``b_test_loss``, ..."""
    data: bytes = core.encode_npz(
        {f"{key}_{name}": values for key, frame in pair.frames.items() for name, values in frame.curves.items()}
    )
    return data


def curves_csv(pair: Pair) -> bytes:
    """A row for each epoch of each network."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["network", "condition", "epoch", *CURVES])
    for key, frame in sorted(pair.frames.items()):
        for epoch in range(frame.epoch):
            values = [f"{frame.curves[name][epoch]:.6g}" for name in CURVES]
            rows.writerow([key, frame.run.condition, epoch + 1, *values])
    return text.getvalue().encode()
