"""Pictures by the million, where they lie: loose files, zips, Parquet and tar shards, cut into parts and read in turn.

A part is a few hundred pictures, or one shard that cannot be cut: what is made of it fits into memory, and a number
tells it. Everything is read through fsspec, so a place is a folder, a file or any address that fsspec knows. Archives
are never unpacked to disk, links are not followed, and WebDataset's own decoders, which open pickles, are not used.
"""

from __future__ import annotations

import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from tarfile import ReadError, TruncatedHeaderError  # type: ignore[attr-defined]
from typing import Any, Literal

import fsspec

from core.pictures.names import is_named_as_picture, plain, require_harmless

__all__ = ["BROKEN", "Entry", "Part", "entries", "parts_of"]

MAX_NAMES, MOST_LOOSE = 200_000, 2_000_000
MAX_LABEL = 4096
BROKEN = (OSError, EOFError, RuntimeError, ValueError, KeyError, tarfile.TarError, zipfile.BadZipFile)
COLUMNS = ("image", "img", "picture", "jpg", "jpeg", "png", "webp", "bytes", "data")
LABELS = ("label", "labels", "cls", "class", "target")
ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class Part:
    """Some consecutive pictures.

    Attributes:
        number: its place in the order of all parts, from 0.
        kind: ``"files"``, ``"zip"``, ``"tar"`` or ``"parquet"``.
        address: of the folder in which ``names`` are, or of the archive or shard.
        names: of files, or of entries of a zip.
        first: where a tar's first header is, or the first row group of a Parquet file.
        count: how many members of a tar, 0 for all that follow; how many row groups.
        sizes: bytes of each file, where known: what tells that files have changed.
    """

    number: int
    kind: str
    address: str
    names: tuple[str, ...] = ()
    first: int = 0
    count: int = 0
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One picture file; ``read`` gives its bytes, and only until the next entry is asked for."""

    title: str
    label: str
    read: Callable[[], bytes]


def parts_of(address: str, *, each: int) -> list[Part]:
    """The parts of a place, ``each`` at most so many pictures where it can be cut. Raises ValueError."""
    found: list[Part] = []
    for one in _expanded(address):
        for part in _parts(one, each):
            found.append(Part(len(found), *part))
    if not found:
        raise ValueError(
            f"Expected pictures, or shards of pictures (.tar, .parquet, .zip), in {plain(address)}, got none"
        )
    return found


def _expanded(address: str) -> list[str]:
    """``shard-{000..127}.tar``, as WebDataset writes many shards, one by one; any other address as it is."""
    match = re.search(r"\{(\d+)\.\.(\d+)\}", address)
    if match is None:
        return [address]
    first, last = int(match[1]), int(match[2])
    if not 0 <= last - first < MAX_NAMES:
        raise ValueError(f"Expected at most {MAX_NAMES:,} shards, the first number before the last, got {match[0]}")
    wide = len(match[1])
    return [f"{address[: match.start()]}{at:0{wide}d}{address[match.end() :]}" for at in range(first, last + 1)]


def _parts(address: str, each: int) -> Iterator[tuple[Any, ...]]:
    """What parts are made of, without their numbers."""
    fs, root = _place(address)
    files = _files(fs, root, address)
    loose = sorted((name, size) for name, size in files if is_named_as_picture(_inside(name, root)))
    if len(loose) > MOST_LOOSE:
        raise ValueError(
            f"Expected at most {MOST_LOOSE:,} loose files, got {len(loose):,}: put them into .tar or .parquet shards"
        )
    for first in range(0, len(loose), each):
        some = loose[first : first + each]
        yield (
            "files", fs.unstrip_protocol(root), tuple(_inside(name, root) for name, _ in some), 0, 0,
            tuple(size for _, size in some),
        )  # fmt: skip
    for name, size in sorted(files):
        cut = next((cut for ending, cut in _CUT.items() if name.lower().endswith(ending)), None)
        if cut and not any(one.startswith(".") for one in PurePosixPath(_inside(name, root)).parts):
            try:
                yield from ((*part, (size,)) for part in cut(fs, fs.unstrip_protocol(name), each))
            except BROKEN as error:
                raise ValueError(f"Expected a shard that can be read, got {plain(name)}: {_said(error)}") from error


def _place(address: str) -> tuple[Any, str]:
    """The file system and the path of an address. Raises ValueError for one that is not known here."""
    try:
        fs, root = fsspec.url_to_fs(address)
    except (ValueError, ImportError, OSError) as error:
        raise ValueError(
            f"Expected an address of pictures that can be reached, got {plain(address)}: {_said(error)}"
        ) from error
    return fs, str(root)


def _files(fs: Any, root: str, address: str) -> list[tuple[str, int]]:
    """(name, bytes) of all files of a place, without links."""
    try:
        found = fs.glob(root, detail=True) if "*" in root else fs.find(root, detail=True)
    except (OSError, ValueError, ImportError) as error:
        raise ValueError(f"Expected a place that can be read, got {plain(address)}: {_said(error)}") from error
    kept = [one for one in found.values() if one["type"] == "file" and not one.get("islink")]
    if not found:
        raise ValueError(
            f"Expected a folder, a file or another address of pictures, got {plain(address)}, where is none"
        )
    return [(str(one["name"]), int(one.get("size") or 0)) for one in kept]


def _inside(name: str, root: str) -> str:
    """A name as it is below a root; that of a file which is the root itself."""
    base = root.split("*")[0].rstrip("/") if "*" in root else root.rstrip("/")
    inner = name[len(base) :].lstrip("/") if name.startswith(base) else name
    return inner or name.rsplit("/", 1)[-1]


def _said(error: BaseException) -> str:
    """The first line of what a library says."""
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return plain(first).rstrip(".")


# ------------------------------------------------------------------------------------------------ cutting


def _cut_zip(fs: Any, address: str, each: int) -> Iterator[tuple[Any, ...]]:
    named = _zip(address).names
    for first in range(0, len(named), each):
        yield "zip", address, tuple(named[first : first + each]), 0, 0


class _Member(tarfile.TarInfo):
    """A header that is cut off is an error: ``tarfile`` would take it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> Any:
        """The next header."""
        try:
            return super().fromtarfile(tarfile)
        except TruncatedHeaderError as error:
            raise ReadError("unexpected end of data") from error


def _cut_tar(fs: Any, address: str, each: int) -> Iterator[tuple[Any, ...]]:
    """Cut between samples where the headers can be gone through quickly, else the whole shard is one part."""
    if "file" not in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)) or not _is_plain_tar(
        fs, address
    ):
        yield "tar", address, (), 0, 0
        return
    with fs.open(address, "rb") as file, tarfile.open(fileobj=file, mode="r:", tarinfo=_Member) as archive:
        start, members, pictures, before = 0, 0, 0, ""
        try:
            for member in archive:
                key = _sample(member.name)
                if pictures >= each and key != before:
                    yield "tar", address, (), start, members
                    start, members, pictures = member.offset, 0, 0
                members, before = members + 1, key
                pictures += _is_picture(member)
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep every header
        except tarfile.TarError:
            members = 0  # it breaks off: whoever reads to its end says so
        if pictures:
            yield "tar", address, (), start, members


def _is_plain_tar(fs: Any, address: str) -> bool:
    with fs.open(address, "rb") as file:
        return bool(file.read(262)[257:262] == b"ustar")


def _cut_parquet(fs: Any, address: str, each: int) -> Iterator[tuple[Any, ...]]:
    import pyarrow.parquet as pq

    with fs.open(address, "rb") as file:
        facts = pq.ParquetFile(file)
        _columns(facts.schema_arrow)
        first, rows = 0, 0
        for group in range(facts.metadata.num_row_groups):
            rows += facts.metadata.row_group(group).num_rows
            if rows >= each or group == facts.metadata.num_row_groups - 1:
                yield "parquet", address, (), first, group + 1 - first
                first, rows = group + 1, 0


_CUT: dict[str, Callable[[Any, str, int], Iterator[tuple[Any, ...]]]] = {
    ".zip": _cut_zip, ".tar": _cut_tar, ".tar.gz": _cut_tar, ".tgz": _cut_tar, ".parquet": _cut_parquet,
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ reading


def entries(part: Part, *, max_bytes: int) -> Iterator[Entry]:
    """The pictures of a part, in their order. Reading one raises one of ``BROKEN`` where it cannot be read."""
    return _READ[part.kind](part, max_bytes)


def _read_files(part: Part, max_bytes: int) -> Iterator[Entry]:
    fs, root = _place(part.address)
    single = len(part.names) == 1 and fs.isfile(root)
    for name in part.names:
        path = root if single else f"{root.rstrip('/')}/{name}"
        yield Entry(plain(name), _folder(name), lambda path=path: _limited(fs, path, max_bytes))  # type: ignore[misc]


def _limited(fs: Any, path: str, max_bytes: int) -> bytes:
    with fs.open(path, "rb") as file:
        return bytes(file.read(max_bytes + 1))


def _folder(name: str) -> str:
    """The folder in which a file is: in many sets its class."""
    return plain(PurePosixPath(name.replace("\\", "/")).parent.name)


@dataclass(frozen=True)
class _Zip:
    archive: zipfile.ZipFile
    names: list[str]


_opening = threading.Lock()


def _zip(address: str) -> _Zip:
    with _opening:
        return _opened_zip(address)


@lru_cache(maxsize=4)
def _opened_zip(address: str) -> _Zip:
    """A zip whose list of names was read and checked, for all its parts. Raises ValueError for one that means harm."""
    fs, path = _place(address)
    archive = zipfile.ZipFile(fs.open(path, "rb"))
    listed = archive.infolist()
    if len(listed) > MAX_NAMES:
        raise ValueError(f"at most {MAX_NAMES:,} names were expected, and it has {len(listed):,}")
    for entry in listed:
        require_harmless(entry)
    return _Zip(archive, sorted(entry.filename for entry in listed if is_named_as_picture(entry.filename)))


def _read_zip(part: Part, max_bytes: int) -> Iterator[Entry]:
    archive = _zip(part.address).archive

    def read(name: str) -> bytes:
        with archive.open(name) as file:
            return file.read(max_bytes + 1)

    for name in part.names:
        yield Entry(plain(name), _folder(name), lambda name=name: read(name))  # type: ignore[misc]


def _is_picture(member: tarfile.TarInfo) -> bool:
    return member.isreg() and is_named_as_picture(member.name)


def _sample(name: str) -> str:
    """What the files of one sample of WebDataset share: their path up to the first dot of their name."""
    folder, _, last = name.rpartition("/")
    return f"{folder}/{last.split('.', 1)[0]}"


def _read_tar(part: Part, max_bytes: int) -> Iterator[Entry]:
    """Sample by sample: a picture, and its class in a file ``.cls`` beside it, or else its folder."""
    fs, path = _place(part.address)
    with fs.open(path, "rb") as file:
        file.seek(part.first)
        mode: Literal["r|", "r|*"] = "r|" if part.first or part.count else "r|*"
        with tarfile.open(fileobj=file, mode=mode, tarinfo=_Member) as archive:
            waiting: list[tuple[str, bytes]] = []
            label, before = "", ""
            for at, member in enumerate(archive):
                if part.count and at >= part.count:
                    break
                if _sample(member.name) != before:
                    yield from _sampled(waiting, label)
                    waiting, label, before = [], "", _sample(member.name)
                if _is_picture(member):
                    waiting.append((member.name, _of_member(archive, member, max_bytes)))
                elif member.isreg() and member.name.endswith(".cls"):
                    label = _of_member(archive, member, MAX_LABEL).decode("utf-8", "replace").strip()
                archive.members.clear()  # type: ignore[attr-defined]
            yield from _sampled(waiting, label)


def _of_member(archive: tarfile.TarFile, member: tarfile.TarInfo, most: int) -> bytes:
    stream = archive.extractfile(member)
    return b"" if stream is None else stream.read(most + 1)


def _sampled(waiting: list[tuple[str, bytes]], label: str) -> Iterator[Entry]:
    for name, data in waiting:
        yield Entry(plain(name), plain(label) or _folder(name), lambda data=data: data)  # type: ignore[misc]


def _columns(schema: Any) -> tuple[str, str, str]:
    """The column of pictures, how their bytes are called in it ("" for the column itself), and the column of labels."""
    import pyarrow as pa

    lower = {name.lower(): name for name in schema.names}
    label = next((lower[one] for one in LABELS if one in lower), "")
    for wanted in [one for one in COLUMNS if one in lower] + sorted(set(lower) - set(COLUMNS)):
        kind = schema.field(lower[wanted]).type
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            return lower[wanted], "bytes", label
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return lower[wanted], "", label
    raise ValueError(f"no column holds the bytes of pictures; there is {', '.join(map(plain, schema.names[:12]))}")


def _read_parquet(part: Part, max_bytes: int) -> Iterator[Entry]:
    import pyarrow.parquet as pq

    fs, path = _place(part.address)
    with fs.open(path, "rb") as file:
        table = pq.ParquetFile(file)
        column, inner, label = _columns(table.schema_arrow)
        wanted = [column, label] if label else [column]
        groups = list(range(part.first, part.first + part.count))
        row, shard = 0, PurePosixPath(path).name
        for batch in table.iter_batches(ROWS_AT_ONCE, row_groups=groups, columns=wanted):
            for one in batch.to_pylist():
                yield _row(one, (column, inner, label), f"{shard} {part.first}:{row}")
                row += 1


def _row(one: dict[str, Any], columns: tuple[str, str, str], place: str) -> Entry:
    column, inner, label = columns
    cell = one[column]
    data: bytes = ((cell or {}).get(inner) if inner else cell) or b""
    name = (cell or {}).get("path") if inner else None
    title = plain(name) if isinstance(name, str) and name else plain(place)
    return Entry(title, plain(str(one[label])) if label else "", lambda: data)


_READ: dict[str, Callable[[Part, int], Iterator[Entry]]] = {
    "files": _read_files, "zip": _read_zip, "tar": _read_tar, "parquet": _read_parquet,
}  # fmt: skip
