"""What there is to take away of a result, one function for each technique; nothing here knows a page.

found = contents(recipe, frame)          # ``frame`` for what runs, and of a video all its frames
found.pictures["adversarial"]            # a PNG
found.tables["answers"]                  # rows, as {column: value}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from dashboard import figures
from dashboard.recipes import (
    AttackRecipe,
    Concepts,
    Contributions,
    Describe,
    Dream,
    Embed,
    Explain,
    Grid,
    Invert,
    Look,
    Maximize,
    Recipe,
    Unit,
)  # fmt: skip
from dashboard.server import circuits, networks, results, uploads

Floats = npt.NDArray[np.float32]
Row = dict[str, Any]
TOP = 5
SEEN_SIDE, MAP_SIDE = 384, 1600


@dataclass(frozen=True)
class Contents:
    """What there is.

    Attributes:
        main: the name of the picture that is the result.
        pictures: {name: PNG}.
        captions: {name: what a picture shows}.
        tables: {name: rows}.
        arrays: {name: array}, for NumPy.
        says: the result in one sentence; empty where the pictures say it.
        video: an MP4 and a GIF, each made when it is asked for.
    """

    main: str = ""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    says: str = ""
    video: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)


def contents(recipe: Recipe, frames: Sequence[core.Frame] = ()) -> Contents:
    """What there is to take away of what a recipe has made; ``frames`` are the last one of a run, or all of a video.

    Raises ValueError as the recipe does.
    """
    found: Contents = WAYS[recipe.technique](recipe, *([frames] if frames else []))
    return found


def _answers(network: str, pictures: Mapping[str, Floats]) -> list[Row]:
    """What a network says of pictures, one row for each answer."""
    if not networks.network(network).labels:
        return []
    said = results.answers(network, np.concatenate(list(pictures.values())), top=TOP)
    return [
        {"picture": name, "answer": label, "value": value}
        for name, answers in zip(pictures, said, strict=True)
        for label, value in answers
    ]


def _tables(**tables: list[Row]) -> dict[str, list[Row]]:
    """Those that have rows."""
    return {name: rows for name, rows in tables.items() if rows}


def maximized(recipe: Maximize, frames: Sequence[core.Frame]) -> Contents:
    """The wall, and the score of each unit."""
    images, score = np.asarray(frames[-1].images), np.asarray(frames[-1].score)
    wall = core.tile(images, columns=figures.columns_for(len(images)), background=0.5)
    titles = [results.unit_title(recipe.network, recipe.layer, channel) for channel in recipe.units]
    rows = [{"unit": title, "score": float(value)} for title, value in zip(titles, score, strict=True)]
    curve = getattr(frames[-1], "curve", None)
    return Contents(
        "filters", {"filters": recipe.png(wall)},
        {"filters": f"What {len(titles)} units of {recipe.layer} respond to most."}, {"scores": rows},
        {"images": images} | ({} if curve is None else {"curves": np.asarray(curve)}),
    )  # fmt: skip


def dreamed(recipe: Dream, frames: Sequence[core.Frame]) -> Contents:
    """The photograph and the dream, or the film."""
    layers = [{"layer": layer, "weight": weight} for layer, weight in recipe.layers]
    net = networks.network(recipe.network)
    layers = layers or [{"layer": a, "weight": w} for a, w in core.dream_layers(net, recipe.preset).items()]
    last = np.asarray(frames[-1].images)[0]
    pictures = {"dream": recipe.png(last)}
    captions = {"dream": f"As {networks.network_title(recipe.network)} dreams it."}
    if recipe.make == "video":
        return Contents("dream", pictures, captions, {"layers": layers}, video=_video(recipe, frames))
    pictures["photograph"] = core.encode_png(core.shrink(recipe.photo(), max_side=max(last.shape[:2]))[0])
    captions["photograph"] = uploads.picture_title(recipe.picture)
    video = _video(recipe, frames) if recipe.make == "zoom" else {}
    return Contents("dream", pictures, captions, {"layers": layers}, video=video)


def _video(recipe: Dream, frames: Sequence[core.Frame]) -> dict[str, Callable[[], bytes]]:
    """All whole frames as files."""
    own = uploads.video(recipe.video) if recipe.make == "video" else None
    rate = max(1, round(own.frames_per_second)) if own else 12
    whole = [np.asarray(one.images)[0] for one in frames if not isinstance(one, core.Between)]
    return {
        "mp4": lambda: core.encode_mp4(iter(whole), frames_per_second=rate),
        "gif": lambda: core.encode_gif(np.stack(whole), frames_per_second=rate),
    }


def attacked(recipe: AttackRecipe, frames: Sequence[core.Frame]) -> Contents:
    """The picture before and after, the change, and what the network says; judged from the file."""
    origin = recipe.photo()
    file = recipe.png(core.to_float(core.to_uint8(np.asarray(frames[-1].images)[:1]))[0])
    read = core.open_image(file)
    seen, factor = figures.perturbation(origin[0], read[0])
    sizes = {norm: float(core.distance(read, origin, norm)[0]) for norm in core.NORMS} | {
        "pixels changed": int((read != origin).any(axis=-1).sum())
    }
    pictures = {"adversarial": file, "original": core.encode_png(origin[0]), "perturbation": core.encode_png(seen)}
    captions = {"adversarial": "Adversarial", "original": "Original", "perturbation": f"Perturbation × {factor:.3g}"}
    answers = _answers(recipe.network, {"original": origin, "adversarial": read})
    says = _verdict(recipe, origin, read)
    rows: list[Row] = [{"measure": name, "change": value} for name, value in sizes.items()]
    arrays = {"original": origin, "adversarial": read}
    return Contents("adversarial", pictures, captions, _tables(answers=answers, change=rows), arrays, says)


def _verdict(recipe: AttackRecipe, origin: Floats, read: Floats) -> str:
    """What the network says before and after, read from the file."""
    label, net = recipe.label(), networks.network(recipe.network)
    said = results.answers(recipe.network, np.concatenate([origin, read]), top=len(net.labels))
    if not net.has_classes:
        first, then = (dict(one)[net.labels[label]] for one in said)
        return f"{net.labels[label]} went from {first:.4g} to {then:.4g}, read from the file."
    fooled = results.fools(recipe.network, read, label, targeted=bool(recipe.target))
    (before, sure), (after, surely) = (one[0] for one in said)
    verdict = "The file fools the network" if fooled else "The network is not fooled by the file"
    return f"{verdict}: {before} ({sure:.0%}) becomes {after} ({surely:.0%})."


def explained(recipe: Explain) -> Contents:
    """Every map over the picture."""
    seen, maps, refused = recipe.photo()[0], {}, []
    for method, told in ((one, core.METHODS[one]) for one in recipe.methods):
        try:
            maps[method] = recipe.found(method)
        except ValueError as error:
            refused.append({"method": told.title, "says": str(error)})
    if not maps:
        raise ValueError(str(refused[0]["says"]))
    pictures, captions = {}, {}
    for method, values in maps.items():
        over = figures.evidence(figures.enlarged(seen, 256), figures.enlarged(values, 256), 0.9)
        pictures[method], captions[method] = core.encode_png(over), core.METHODS[method].title
    tiles = np.concatenate([core.open_image(one) for one in pictures.values()])
    row = recipe.png(core.tile(tiles, columns=len(tiles)))
    numbers = [
        {"method": core.METHODS[method].title, "least": float(one.min()), "most": float(one.max()),
         "sum": float(one.sum())}
        for method, one in maps.items()
    ]  # fmt: skip
    said = _answers(recipe.network, {uploads.picture_title(recipe.picture): recipe.photo()})
    names = ", ".join(captions.values())
    return Contents(
        "row", {"row": row} | pictures, {"row": f"Why “{recipe.title}”? {names}."} | captions,
        _tables(answers=said, maps=numbers, refused=refused), maps,
    )  # fmt: skip


def inverted(recipe: Invert, frames: Sequence[core.Frame]) -> Contents:
    """What each layer has kept, in pictures and in numbers."""
    own, photo, images = networks.network(recipe.network), recipe.photo(), np.asarray(frames[-1].images)
    pixels = core.pixel_distance(photo, images)
    said = results.answers(recipe.network, images, top=1) if own.labels else [[("", 0.0)]] * len(images)
    rows = [
        {"layer": layer, "pixels": float(pixels[at]),
         "features": float(core.feature_distance(own, photo, layer, images[at : at + 1])[0]), "answer": said[at][0][0]}
        for at, layer in enumerate(recipe.layers)
    ]  # fmt: skip
    row = core.tile(np.concatenate([photo, images]), columns=len(images) + 1, background=0.5)
    told = {"inverted": "The photograph, then what is kept of it by " + ", ".join(recipe.layers) + "."}
    return Contents("inverted", {"inverted": recipe.png(row)}, told, {"kept": rows}, {"images": images})


def gridded(recipe: Grid, frames: Sequence[core.Frame]) -> Contents:
    """The grid, and the picture."""
    images = np.asarray(frames[-1].images)
    grid = core.tile(images, columns=recipe.places[1], margin=0)
    pictures = {"grid": recipe.png(grid), "picture": core.encode_png(recipe.photo()[0])}
    captions = {
        "grid": f"What {recipe.layer} likes at each place of the picture.",
        "picture": uploads.picture_title(recipe.picture),
    }
    return Contents("grid", pictures, captions, arrays={"images": images})


def looked(recipe: Look) -> Contents:
    """The wall of a layer's channels."""
    activation = recipe.found()
    numbers, ranking = core.statistics(activation), recipe.ranking(activation)
    rows = [
        {"channel": int(one), "mean": float(numbers.mean[one]), "maximum": float(numbers.maximum[one]),
         "zeros": float(numbers.zeros[one])}
        for one in ranking
    ]  # fmt: skip
    seen = core.shrink(core.seen_by(networks.network(recipe.network), uploads.picture(recipe.picture)),
                       max_side=SEEN_SIDE)  # fmt: skip
    pictures = {"picture": core.encode_png(seen[0])}
    captions = {"picture": uploads.picture_title(recipe.picture)}
    if activation.ndim == 4:
        maps = core.maps(activation[0], shared=recipe.scaling == "layer")[ranking[: recipe.count]]
        wall = figures.wall(maps, recipe.colours)
        pictures = {"activations": recipe.png(wall.pixels)} | pictures
        captions |= {"activations": f"{len(maps)} channels of {recipe.layer}, row by row as in the table."}
    said = _answers(recipe.network, {captions["picture"]: seen})
    return Contents(
        next(iter(pictures)), pictures, captions, _tables(answers=said, channels=rows), {recipe.layer: activation}
    )


def united(recipe: Unit, card: npt.NDArray[np.uint8], nearest: Sequence[tuple[int, float]]) -> Contents:
    """The patches that excite a unit beside their projections, and the units most like it."""
    rows = [{"unit": other, "correlation": float(alike)} for other, alike in nearest]
    told = {"patches": f"What excites unit {recipe.channel} of {recipe.layer} most, and what in it does."}
    return Contents("patches", {"patches": recipe.png(card)}, told, _tables(nearest=rows))


def embedded(recipe: Embed, pictures: core.PictureSet, found: results.Embedding) -> Contents:
    """The pictures at their places."""
    rows = [
        {"picture": pictures.title(at), "x": float(place[0]), "y": float(place[1]), "answer": found.answers[at]}
        for at, place in enumerate(found.positions)
    ]
    tiles = np.stack([_thumbnail(one) for one in found.thumbnails])
    laid = figures.scattered(found.positions, tiles, side=0 if recipe.side_by_side else MAP_SIDE)
    told = {"map": f"{len(rows)} pictures; those with similar codes at {recipe.layer} lie together."}
    arrays = {"codes": found.codes, "positions": found.positions}
    return Contents("map", {"map": recipe.png(laid)}, told, {"places": rows}, arrays)


def _thumbnail(file: bytes) -> npt.NDArray[np.uint8]:
    return core.to_uint8(core.fit(core.open_image(file), height=48, width=48))[0]


def described(recipe: Describe) -> Contents:
    """The table of layers."""
    net = networks.network(recipe.network)
    rows = [
        {"layer": info.name, "kind": info.kind, "shape": " × ".join(map(str, info.shape)),
         "parameters": info.parameters}
        for info in net.layers.values()
    ]  # fmt: skip
    facts = networks.facts(net)
    says = f"{facts.parameters:,} parameters, {len(rows)} layers, {len(net.labels)} answers."
    return Contents(tables={"layers": rows}, says=says)


def contributed(recipe: Contributions) -> Contents:
    """What each channel gives to the answer, the most first, and the picture through the one that gives most."""
    asked = (recipe.network, recipe.picture, recipe.layer, recipe.asked)
    found, told = circuits.contributions(*asked), circuits.completeness(*asked)
    order = np.argsort(-np.abs(found), kind="stable")
    most = int(order[0])
    seen = figures.enlarged(core.seen_by(networks.network(recipe.network), uploads.picture(recipe.picture))[0], 448)
    through = figures.fitted(circuits.through(*asked, channel=most), seen.shape)
    sums = {"answer": told.score, "with the layer at zero": told.without, "sum of contributions": told.total}
    return Contents(
        "through", {"through": recipe.png(figures.evidence(seen, through, 0.9))},
        {"through": f"The part of the answer that comes through channel {most} of {recipe.layer}, which gives most."},
        {"contributions": [{"channel": int(one), "gives": float(found[one])} for one in order],
         "completeness": [{"measure": name, "value": float(value)} for name, value in sums.items()]},
        {"contributions": found},
    )  # fmt: skip


def taken_apart(
    recipe: Concepts,
    found: core.Concepts,
    maps: Floats,
    *,
    crops: Sequence[Floats],
    told: core.ConceptImportance | None,
) -> Contents:
    """All concepts over the picture, the crops (n, h, w, 3) of each, and what each is worth."""
    seen, scaled = recipe.photo()[0], found.scaled(maps)
    rows = [
        figures.part_row(figures.one_part(seen, scaled[..., one], one), crops[one], one, count=6)
        for one in range(found.count)
    ]
    pictures = {
        "concepts": recipe.png(figures.parts(seen, scaled)),
        "crops": core.encode_png(figures.part_rows(rows)[..., :3]),
    }
    captions = {
        "concepts": f"{found.count} concepts of {recipe.layer}, each place in the colour of the one it has most of.",
        "crops": "Each concept from the first to the last: where it is on the picture, and its best crops.",
    }
    worth = [] if told is None else [
        {"concept": one + 1, "lost": float(told.lost[one]), "sobol": float(told.sobol[one])}
        for one in range(found.count)
    ]  # fmt: skip
    arrays = {"directions": found.directions, "maps": maps}
    return Contents("concepts", pictures, captions, _tables(worth=worth), arrays)


WAYS: dict[str, Callable[..., Contents]] = {
    "maximize": maximized, "dream": dreamed, "attack": attacked, "attribute": explained, "invert": inverted,
    "activations": looked, "units": united, "map": embedded, "network": described,
    "contributions": contributed, "concepts": taken_apart, "grid": gridded,
}  # fmt: skip
