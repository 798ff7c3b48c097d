"""Where classifiers come from: the networks in the box (``core/bundled``) and keras.applications, by name.

Their names and cards are in ``core.networks.cards``.

A person's own ``.keras`` or ``.h5`` file is looked at first (``core.networks.files``). It does not say how its pictures
are normalized nor what its classes are called: the person does (``core.detect_preprocessing`` helps).

A network of keras.applications brings its own preprocessing, whatever the family; its weights come from Keras's cache
(``KERAS_HOME``, or ``~/.keras``), into which Keras downloads them when they are first asked for.
"""

from __future__ import annotations

import inspect
import os
import re
import threading
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from core.networks import efficientnet_lite, files
from core.networks.cards import BUNDLED, VARIANTS, applications, card, families, imagenet_labels
from core.networks.classifiers import Classifier, Preprocess, classifier
from core.networks.containers import NETWORK_FILES
from core.networks.inputs import Values
from core.networks.preprocessing import normalization as _normalization
from core.networks.ranges import told_range


def load(name: str | os.PathLike[str], *, weights: str | None = "imagenet", **options: Any) -> Classifier:
    """A classifier by name, or from a file.

    Args:
        name: of ``available()`` or ``applications()``, or the path of a ``.keras`` or ``.h5`` file.
        weights: of a network of keras.applications: ``"imagenet"``, or None for random ones. A bundled network has its
            own.
        options: of the function of keras.applications, such as ``alpha=0.25``; of a file, those of ``load_file``, of
            which ``normalization`` may be spelled with an s.

    Raises:
        ValueError: no network of that name; options that it does not take; weights that could not be downloaded; a
            file that ``core.networks.files.inspect`` refuses; a package of weights that is not installed. The message
            says what to do.
    """
    if not isinstance(name, str) or _is_file(name):
        options = _respelled(options)
        strange = set(options) - set(inspect.signature(load_file).parameters)
        if strange:
            raise ValueError(f"Expected options that load_file takes, got {', '.join(sorted(strange))}")
        return load_file(name, **options)
    facts = card(name)
    if name in applications():
        return _application(name, weights, options, facts)
    if options:
        raise ValueError(f"Expected no options for {name}, got {', '.join(options)}")
    return classifier(
        efficientnet_lite.load() if "package" in facts else _saved(name),
        name=name,
        labels=(BUNDLED / facts["labels"]).read_text().splitlines(),
        preprocess=_scale(facts["pixels"]),
        size=tuple(facts["size"]),
        card=facts,
    )


def _saved(name: str) -> keras.Model:
    return keras.models.load_model(BUNDLED / f"{name}.keras", compile=False)


def _respelled(options: dict[str, Any]) -> dict[str, Any]:
    """The options with ``normalization`` for ``normalisation``. Raises ValueError where both are given."""
    if {"normalisation", "normalization"} <= options.keys():
        raise ValueError("Expected normalization or normalisation, got both")
    return {"normalization" if name == "normalisation" else name: value for name, value in options.items()}


def _is_file(name: str) -> bool:
    """Whether a name is that of a file rather than of a network."""
    endings = tuple(f".{ending}" for ending in NETWORK_FILES)
    return name.lower().endswith(endings) or (os.sep in name and Path(name).exists())


def load_file(
    path: str | os.PathLike[str],
    *,
    labels: Iterable[str] | None = None,
    normalization: str | None = None,
    size: tuple[int, int] | None = None,
    output: str = "",
    kind: str = "",
    held: Values | None = None,
    memory: int = files.MEMORY,
) -> Classifier:
    """A classifier from a person's own ``.keras`` or ``.h5`` file.

    Args:
        path: of the file.
        labels: a name for each class; ``class 0``, ``class 1``, ... when not given.
        normalization: of ``core.NORMALIZATIONS``; where None, the one that the network tells by its first layers
            (``core.networks.ranges``), ``"unit"`` where it tells none. The card says which and why.
        size: height and width of its pictures, where the network leaves them open; 224 x 224 when not given.
        output: which of several outputs answers; where empty, classes before numbers before maps.
        kind: ``"classes"``, ``"binary"`` (one unit tells two classes apart), ``"numbers"`` or ``"embedding"``, where
            what is found (``Classifier.output``) is wrong.
        held: at what to hold inputs beside the picture, by name: a number for all of it, or as many as it has; 0
            where nothing is said. The card tells their names and shapes under ``held``.
        memory: bytes that a child process may use to try the file first.

    Raises:
        ValueError: a file that ``core.networks.files.inspect`` refuses, labels of another number, an unknown
            normalization or output, a kind that the output cannot be, or a network that takes no pictures.
    """
    if normalization is not None:
        _normalization(normalization)
    opened = files.open_file(path, memory=memory, held=held)
    own = classifier(
        opened.network,
        name=Path(path).stem,
        labels=labels,
        size=size or (files.OPEN_SIDE, files.OPEN_SIDE),
        output=output,
        kind=kind,
        losses=opened.losses,
        card={"title": Path(path).name, "origin": "A file of yours.", "notes": opened.notes, "held": opened.held},
    )
    counts = {len(own.labels)} | ({2} if len(own.labels) == 1 and not own.output.sure else set())
    if labels is None and opened.labels and len(opened.labels) in counts:
        said = f"The names of its classes are those of {opened.labels_from}, which lay beside it."
        own = own.answering(output=output, kind=kind, labels=opened.labels)
        own = own.prepared(facts={"notes": (*opened.notes, said)})
    told = None if normalization else told_range(own.graph)
    chosen = normalization or (told.name if told else "unit")
    why = "You said so." if normalization else told.why if told else "Nothing in the file tells; this is the usual one."
    facts = {
        "normalization": chosen,
        "normalization_why": why,
        "normalization_sure": bool(told.sure if told else normalization),
    }
    return own.prepared(preprocess=_normalization(chosen), facts=facts)


def download(name: str) -> Generator[tuple[int, int], None, Classifier]:
    """Load a network, and bring its weights into Keras's cache where they are not there yet.

    Yields about five times a second (bytes that have come so far, about how many there will be); the generator's value
    is the network. Raises ValueError as ``load`` does.
    """
    facts = card(name)
    if name not in applications():
        return load(name)
    before, total = _bytes_in(_cached()), 0
    failure: list[ValueError] = []
    loaded: list[Classifier] = []

    def fetch() -> None:
        try:
            loaded.append(_application(name, "imagenet", {}, facts))
        except ValueError as error:
            failure.append(error)

    worker = threading.Thread(target=fetch, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.2)
        arrived = max(0, _bytes_in(_cached()) - before)
        if arrived and not total:
            total = 4 * _built(name, None, {}).count_params()
        yield arrived, max(total, arrived, 1)
    if failure:
        raise failure[0]
    return loaded[0]


def _cached() -> Path:
    """Where Keras keeps weights."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def _bytes_in(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0


def _application(name: str, weights: str | None, options: dict[str, Any], facts: dict[str, Any]) -> Classifier:
    """A network of keras.applications with its own preprocessing and the labels of ImageNet."""
    network = _built(name, weights, options)
    count = network.output_shape[-1] if len(network.output_shape) == 2 else 0
    return classifier(
        network,
        name=name,
        labels=imagenet_labels() if count == 1000 else None,
        preprocess=preprocessing(name),
        size=(224, 224),
        card=facts | {"weights": weights or "random"},
    )


def preprocessing(name: str) -> Preprocess:
    """What a family of keras.applications does to pictures first: (N, H, W, 3) tensor in [0, 1] -> its own range.

    It is the family's own ``preprocess_input``, on tensors: on arrays that function would change its input.
    """
    module = getattr(keras.applications, _function(name).__module__.rsplit(".", 1)[-1])
    own = module.preprocess_input
    return lambda pictures: own(tf.cast(pictures, tf.float32) * 255.0)


def _built(name: str, weights: str | None, options: dict[str, Any]) -> keras.Model:
    """The network. Raises ValueError with one sentence, whatever Keras raises."""
    function = _function(name)
    settings = {**VARIANTS.get(name, ("", {}))[1], **options}
    strange = set(settings) - set(inspect.signature(function).parameters)
    if strange:
        raise ValueError(f"Expected options that {function.__name__} takes, got {', '.join(sorted(strange))}")
    try:
        return function(weights=weights, **settings)
    except Exception as error:
        address = re.search(r"https?://\S+?([\w.-]+\.h5)", str(error))
        if address is None:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"Expected settings with which {function.__name__} can be built, got: {first}") from error
        raise ValueError(
            f"The weights of {function.__name__} could not be downloaded: put the file {address[1]} into {_cached()}, "
            "or choose another network."
        ) from error


def _function(name: str) -> Any:
    """The function of keras.applications behind a name."""
    family = VARIANTS.get(name, (name,))[0]
    return getattr(keras.applications, families()[family])


def _scale(pixels: dict[str, Any]) -> Preprocess:
    """From [0, 1] to the card's pixel range."""
    low, high = float(pixels["low"]), float(pixels["high"])
    return lambda pictures: tf.cast(pictures, tf.float32) * (high - low) + low
