"""An index as a folder: what excites every unit most in a stream, with these pictures, to look at without the stream.

    manifest.json           which network, layers and pictures; settings and versions. It is written last
    units.parquet           layer, channel, rank, picture, row, column, value
    pictures.parquet        picture, number (in the stream), title, label, usual (whether it stands for all)
    activations.parquet     layer, picture, means and peaks of all channels
    pictures/000/000000.jpg the pictures, at the network's own size

A folder from elsewhere is not trusted: no name in it is followed, sizes are checked first, and what does not fit
together is refused in one sentence.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from core.networks.carried import PROBE_TOLERANCE, network_digest, prepared_probe
from core.networks.classifiers import Classifier
from core.networks.unit_index import MAX_TOP, UnitIndex, index_units
from core.parts.store import write
from core.pauses import pause
from core.pictures.decoding import open_image
from core.pictures.encoding import encode_jpeg
from core.pictures.images import to_float
from core.pictures.names import MAX_RATIO, plain
from core.pictures.sets import PictureSet, fitted
from core.pictures.streams import STRIDE, PictureStream, read_part
from core.techniques.indexing.patches import NOBODY, TopPatches
from core.types import Floats

MANIFEST, KIND, VERSION = "manifest.json", "convscope index", 1
UNITS, PICTURES, ACTIVATIONS = "units.parquet", "pictures.parquet", "activations.parquet"
MOST_PICTURES, MOST_CHANNELS, MOST_LAYERS = 200_000, 65_536, 256
MAX_BYTES = {MANIFEST: 2**20, UNITS: 2**28, PICTURES: 2**26, ACTIVATIONS: 2**29}
MAX_JPEG = 8 * 2**20
QUALITY = 95
MOST_VALUES = 2**27
"""Numbers in one table: few bytes can stand for very many."""
EXPECTED = "Expected the folder of an index, or a zip of it, got one"
_UNFIT = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, MemoryError, NotImplementedError),
)
"""What tables that do not fit together make libraries raise."""


# ------------------------------------------------------------------------------------------------ writing


def write_index(
    classifier: Classifier, pictures: PictureStream, found: TopPatches, folder: str | Path
) -> Iterator[float]:
    """Write what ``top_patches`` found, with the pictures, which are read again; yields the part that is written.

    Raises ValueError where nothing can be written, or the pictures are other ones now.
    """
    import pyarrow as pa

    root = Path(folder)
    kept = np.unique(np.concatenate([found.sample, *(one[one != NOBODY].ravel() for one in found.numbers.values())]))
    titles: list[str] = []
    labels: list[str] = []
    rows: list[pa.Table] = []
    for number in np.unique(kept // STRIDE).tolist():
        wanted = set(kept[kept // STRIDE == number].tolist())
        for batch in read_part(pictures.parts[number], classifier.size, wanted=wanted):
            if not len(batch):
                continue
            for at, pixels in enumerate(batch.pixels, start=len(titles)):
                write(root / _place(at), encode_jpeg(to_float(pixels), quality=QUALITY), sync=False)
            rows.append(_activations(classifier, found.layers, batch.as_set(), len(titles)))
            titles += map(_titled, batch.titles, batch.labels)
            labels += batch.labels
            yield 0.99 * len(titles) / len(kept)
            pause()
    if len(titles) != len(kept):
        raise ValueError(f"Expected the {len(kept)} best pictures again, got {len(titles)}: the pictures have changed")
    _write_table(root / UNITS, pa.concat_tables(_units(found, kept)))
    _write_table(root / ACTIVATIONS, pa.concat_tables(rows))
    columns = {
        "picture": np.arange(len(kept), dtype=np.int32), "number": kept, "title": titles, "label": labels,
        "usual": np.isin(kept, found.sample),
    }  # fmt: skip
    _write_table(root / PICTURES, pa.table(columns))
    write(root / MANIFEST, json.dumps(_manifest(classifier, pictures, found, len(kept)), indent=1).encode())
    yield 1.0


def _titled(title: str, label: str) -> str:
    """A picture's name with its label as its folder, as sets have it."""
    return title if not label or PurePosixPath(title).parent.name == label else f"{label}/{title}"


def _place(picture: int) -> str:
    return f"pictures/{picture // 1000:03d}/{picture:06d}.jpg"


def _activations(classifier: Classifier, layers: tuple[str, ...], pictures: PictureSet, first: int) -> Any:
    import pyarrow as pa

    *_, index = index_units(classifier, layers, pictures, top=1)
    which = np.arange(first, first + len(pictures), dtype=np.int32)
    return pa.concat_tables(
        pa.table({"layer": [name] * len(which), "picture": which, "means": list(one.means), "peaks": list(one.peaks)})
        for name, one in index.items()
    )


def _units(found: TopPatches, kept: npt.NDArray[np.int64]) -> Iterator[Any]:
    import pyarrow as pa

    for layer in found.layers:
        channels, ranks = np.nonzero(found.numbers[layer] != NOBODY)
        at = channels, ranks
        yield pa.table(
            {
                "layer": [layer] * len(channels), "channel": channels.astype(np.int32), "rank": ranks.astype(np.int32),
                "picture": np.searchsorted(kept, found.numbers[layer][at]).astype(np.int32),
                "row": found.rows[layer][at], "column": found.columns[layer][at], "value": found.values[layer][at],
            }
        )  # fmt: skip


def _write_table(path: Path, table: Any) -> None:
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(table, file)
    write(path, file.getvalue())


def _manifest(classifier: Classifier, pictures: PictureStream, found: TopPatches, kept: int) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "kind": KIND,
        "version": VERSION,
        "network": {
            "name": classifier.name, "title": str(classifier.card.get("title", classifier.name)),
            "digest": network_digest(classifier), "prepared": list(prepared_probe(classifier)),
            "size": list(classifier.size),
        },
        "layers": {layer: len(found.values[layer]) for layer in found.layers},
        "top": next(iter(found.values.values())).shape[1],
        "pictures": {
            "address": pictures.address, "parts": len(pictures), "looked_at": found.pictures, "kept": kept,
            "bad": found.bad.count, "bad_titles": list(found.bad.titles[:100]), "fingerprint": pictures.fingerprint,
        },
        "versions": {one: version(one) for one in ("tensorflow", "keras", "numpy", "pyarrow")},
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True, eq=False)
class SavedIndex:
    """An index that was read; made by ``read_index``.

    Attributes:
        network: name, title, digest and size of the network that looked.
        address: of the pictures that were looked at.
        looked_at: how many these were.
        bad: how many files could not be read.
        titles: of the pictures that are kept.
        usual: (n,) the numbers of the kept pictures that stand for all.
        indexes: {layer: index} over the kept pictures.
    """

    network: dict[str, Any]
    address: str
    looked_at: int
    bad: int
    titles: tuple[str, ...]
    usual: npt.NDArray[np.int32]
    indexes: dict[str, UnitIndex]
    box: _Box
    files: npt.NDArray[np.int32]
    """(kept,) the numbers of the files of the pictures."""

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self.titles)

    def is_of(self, classifier: Classifier) -> bool:
        """Whether this network, with this preprocessing, has looked."""
        same = self.network["digest"] == network_digest(classifier) and tuple(self.network["size"]) == classifier.size
        probe = prepared_probe(classifier)
        told = self.network["prepared"]
        return same and len(told) == len(probe) and np.allclose(told, probe, atol=PROBE_TOLERANCE, rtol=1e-3)

    def limited(self, most: int) -> SavedIndex:
        """Itself with so many pictures at most: of every unit fewer, the best; of those that stand for all, half."""
        if len(self) <= most:
            return self
        usual = self.usual[: max(1, most // 4)]
        top = max(index.pictures.shape[1] for index in self.indexes.values())
        for ranks in range(top, 0, -1):
            best = [index.pictures[:, :ranks].ravel() for index in self.indexes.values()]
            kept = np.unique(np.concatenate([usual, *best]))
            kept = kept[kept >= 0]
            if len(kept) <= most:
                return self._of(kept, usual, ranks)
        raise ValueError(f"Expected an index of at most {most:,} pictures, got one with more that are best of a unit")

    def _of(self, kept: npt.NDArray[np.int32], usual: npt.NDArray[np.int32], ranks: int) -> SavedIndex:
        new = np.full(len(self) + 1, -1, np.int32)
        new[kept] = np.arange(len(kept))
        mine = new[usual]
        indexes = {
            layer: replace(
                one, pictures=new[one.pictures[:, :ranks]], rows=one.rows[:, :ranks], columns=one.columns[:, :ranks],
                values=one.values[:, :ranks], means=one.means[kept], peaks=one.peaks[kept], total=len(kept), usual=mine,
            )
            for layer, one in self.indexes.items()
        }  # fmt: skip
        titles = tuple(self.titles[at] for at in kept.tolist())
        return replace(self, titles=titles, usual=mine, indexes=indexes, files=self.files[kept])

    def gather(self, size: tuple[int, int]) -> Iterator[PictureSet]:
        """The kept pictures as a set of a size; yields it as it grows. Raises ValueError for a picture that is none."""
        pixels = np.empty((len(self), *size, 3), np.uint8)
        for at, number in enumerate(self.files.tolist()):
            try:
                photo = open_image(self.box.read(_place(number), MAX_JPEG), max_bytes=MAX_JPEG, max_side=4 * max(size))
            except ValueError as error:
                raise ValueError(f"{EXPECTED} whose picture {number} cannot be read") from error
            pixels[at] = fitted(photo, size)
            if at % 64 == 63 or at + 1 == len(self):
                count = at + 1
                sources = np.arange(count, dtype=np.int32)
                yield PictureSet(pixels[:count], sources, self.titles[:count], total=len(self))


@dataclass(frozen=True)
class _Box:
    """A folder, or a zip of it."""

    source: Path | bytes
    inside: str = ""

    def read(self, name: str, most: int) -> bytes:
        """A file of it. Raises ValueError where it is not there, or larger."""
        try:
            if isinstance(self.source, Path) and self.source.is_dir():
                path = self.source / name
                if path.is_symlink() or not path.is_file():
                    raise OSError(name)
                with path.open("rb") as file:
                    data = file.read(most + 1)
            else:
                with zipfile.ZipFile(_stream(self.source)) as archive:
                    data = _of_zip(archive, self.inside + name, most)
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{EXPECTED} without {name}, or in which it cannot be read") from error
        if len(data) > most:
            raise ValueError(f"{EXPECTED} whose {name} is larger than {most // 2**20} MiB")
        return data


def _stream(source: Path | bytes) -> Any:
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _of_zip(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    entry = archive.getinfo(name)
    if entry.file_size > 2**20 and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise ValueError(f"{EXPECTED} whose {name} unpacks to more than {MAX_RATIO} times its size")
    with archive.open(entry) as file:
        return file.read(most + 1)


def is_index(source: str | Path | bytes) -> bool:
    """Whether a folder, a zip, or the bytes of a zip, says that it is an index."""
    try:
        return _described(_box(source)).get("kind") == KIND
    except ValueError:
        return False


def _box(source: str | Path | bytes) -> _Box:
    """A folder or a zip; the index may be the one folder in the zip. Raises ValueError."""
    where = source if isinstance(source, bytes) else Path(source).expanduser()
    if isinstance(where, Path) and where.is_dir():
        return _Box(where)
    try:
        with zipfile.ZipFile(_stream(where)) as archive:
            places = [
                name for name in archive.namelist() if name.rsplit("/", 1)[-1] == MANIFEST and name.count("/") < 2
            ]
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise ValueError(f"{EXPECTED} that is neither") from error
    if len(places) != 1:
        raise ValueError(f"{EXPECTED} without {MANIFEST}")
    return _Box(where, places[0][: -len(MANIFEST)])


def _described(box: _Box) -> dict[str, Any]:
    try:
        found = json.loads(box.read(MANIFEST, MAX_BYTES[MANIFEST]))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{EXPECTED} whose {MANIFEST} cannot be read") from error
    return found if isinstance(found, dict) else {}


def read_index(source: str | Path | bytes) -> SavedIndex:
    """Read an index: its folder, a zip of it, or the bytes of a zip; pictures are read by ``SavedIndex.gather``.

    Raises ValueError for whatever is no index, is of a later version, or does not fit together.
    """
    box = _box(source)
    told = _described(box)
    if told.get("kind") != KIND:
        raise ValueError(f"{EXPECTED} whose {MANIFEST} is of something else")
    if told.get("version") != VERSION:
        raise ValueError(f"{EXPECTED} of version {told.get('version')!r:.20}; this Convscope reads version {VERSION}")
    try:
        return _read(box, told)
    except _UNFIT as error:
        if str(error).startswith(EXPECTED):
            raise
        raise ValueError(f"{EXPECTED} that does not fit together") from error


def _read(box: _Box, told: dict[str, Any]) -> SavedIndex:
    network, facts = told["network"], told["pictures"]
    kept, top = (_whole(value, most) for value, most in ((facts["kept"], MOST_PICTURES), (told["top"], MAX_TOP)))
    layers = {str(name): _whole(count, MOST_CHANNELS) for name, count in told["layers"].items()}
    height, width = (_whole(side, 4096) for side in network["size"])
    _require(0 < len(layers) <= MOST_LAYERS and kept > 0 and min(top, height, width, *layers.values()) > 0)
    listed = _table(box, PICTURES, ("picture", "title", "usual"))
    _require(listed["picture"].tolist() == list(range(kept)))
    usual = np.flatnonzero(listed["usual"]).astype(np.int32)
    _require(len(usual) > 0)
    units = _table(box, UNITS, ("layer", "channel", "rank", "picture", "row", "column", "value"))
    answers = _table(box, ACTIVATIONS, ("layer", "picture", "means", "peaks"))
    looked_at = _whole(facts["looked_at"], 2**53)
    indexes = {
        layer: _index((layer, channels), units, answers, (kept, top, looked_at), usual)
        for layer, channels in layers.items()
    }
    return SavedIndex(
        network={
            "name": plain(str(network["name"])), "title": plain(str(network["title"])),
            "digest": str(network["digest"]), "size": (height, width),
            "prepared": [float(one) for one in network["prepared"]],
        },
        address=plain(str(facts["address"])), looked_at=looked_at, bad=_whole(facts["bad"], 2**53),
        titles=tuple(plain(str(one)) for one in listed["title"].tolist()), usual=usual, indexes=indexes, box=box,
        files=np.arange(kept, dtype=np.int32),
    )  # fmt: skip


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError(f"{EXPECTED} that does not fit together")


def _whole(value: Any, most: int) -> int:
    _require(isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most)
    return int(value)


def _table(box: _Box, name: str, columns: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Columns of a Parquet file. Raises ValueError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = box.read(name, MAX_BYTES[name])
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        facts = file.metadata
        groups = [facts.row_group(group) for group in range(facts.num_row_groups)]
        values = sum(one.column(at).num_values for one in groups for at in range(one.num_columns))
        _require(sum(one.total_byte_size for one in groups) <= MAX_BYTES[name] and values <= MOST_VALUES)
        _require(set(columns) <= set(file.schema_arrow.names))
        table = file.read(columns=list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{EXPECTED} whose {name} is damaged, or another table") from error
    found = {}
    for column in columns:
        whole = table[column].combine_chunks()
        listed = pa.types.is_list(whole.type) or pa.types.is_large_list(whole.type)
        found[column] = _stacked(whole) if listed else whole.to_numpy(zero_copy_only=False)
    return found


def _stacked(values: Any) -> npt.NDArray[Any]:
    """A column of lists as an array of them, each a view of one array."""
    offsets = values.offsets.to_numpy()
    flat = values.values.to_numpy(zero_copy_only=False)
    found = np.empty(len(values), object)
    for at, (first, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        found[at] = flat[first:end]
    return found


def _index(
    layer: tuple[str, int], units: Any, answers: Any, facts: tuple[int, int, int], usual: npt.NDArray[np.int32]
) -> UnitIndex:
    (name, channels), (kept, top, looked_at) = layer, facts
    own = units["layer"] == name
    at = units["channel"][own], units["rank"][own]
    picture, row, column, value = (units[one][own] for one in ("picture", "row", "column", "value"))
    whole = all(one.dtype.kind in "iu" for one in (*at, picture, row, column))
    _require(whole and value.dtype.kind == "f" and len(picture) > 0 and bool(np.isfinite(value).all()))
    for some, most in zip((*at, picture, row, column), (channels, top, kept, 65_536, 65_536), strict=True):
        _require(bool(some.min() >= 0 and some.max() < most))
    tables = {one: np.zeros((channels, top), np.int32) for one in ("pictures", "rows", "columns")}
    tables["pictures"][:] = -1
    values = np.full((channels, top), -np.inf, np.float32)
    for one, given in (("pictures", picture), ("rows", row), ("columns", column)):
        tables[one][at] = given
    values[at] = value
    _require(bool((values[:, :-1] >= values[:, 1:]).all() and np.isfinite(values[:, 0]).all()))
    means, peaks = (_rows(answers, name, which, (kept, channels)) for which in ("means", "peaks"))
    return UnitIndex(
        name, **tables, values=values, means=means, peaks=peaks, total=kept, usual=usual, looked_at=looked_at
    )


def _rows(answers: Any, layer: str, which: str, shape: tuple[int, int]) -> Floats:
    """(kept, channels) of the table of activations, by picture."""
    own = answers["layer"] == layer
    numbers = answers["picture"][own]
    _require(len(numbers) == shape[0] and bool((np.sort(numbers) == np.arange(shape[0])).all()))
    rows = answers[which][own]
    _require(all(len(one) == shape[1] for one in rows))
    found = np.stack(rows)[np.argsort(numbers)].astype(np.float32)
    _require(bool(np.isfinite(found).all()))
    return found
