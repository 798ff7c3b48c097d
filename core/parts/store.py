"""Finished parts on disk, so that a run that was stopped goes on where it was.

Every file is written whole or not at all. Now and then all that is finished is written as one file, in place of many;
of work whose results are appended, every part stays in a file of its own.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.parts.work import Arrays

AT_ONCE = 64
"""So many finished parts become one file."""
DONE = "(parts)"
RUN, MERGED = "run.json", "merged.npz"


def write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file, whole or not at all; with ``sync`` it outlives a power cut. Raises ValueError where it cannot."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ValueError(f"Expected a place to write {path}, got none: {error.strerror}") from error


def packed(arrays: Arrays) -> bytes:
    """Arrays as a file of NumPy's."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


class Store:
    """The finished parts of one run in a folder."""

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        """``run`` tells this run from others, as JSON. Raises ValueError where the folder holds another one's parts."""
        self.folder = folder
        told = json.loads(json.dumps(run))
        path = folder / RUN
        if path.exists():
            before = _json(path)
            differs = sorted(key for key in {*before, *told} if before.get(key) != told.get(key))
            if differs:
                raise ValueError(
                    f"Expected the parts of this run in {folder}, got those of another one, which differs in "
                    f"{', '.join(differs)}; choose another folder, or delete this one"
                )
        else:
            write(path, json.dumps(told, indent=1).encode())
        self.merged, self._within = self._read_merged()
        self.loose = {int(one.stem[5:]): one for one in folder.glob("part-*.npz") if one.stem[5:].isdecimal()}
        for number in [one for one in self.loose if one in self._within]:
            self.loose.pop(number).unlink()

    @property
    def done(self) -> set[int]:
        """The numbers of the finished parts."""
        return {*self._within, *self.loose}

    def put(self, number: int, arrays: Arrays) -> None:
        """A part is finished."""
        path = self.folder / f"part-{number:08d}.npz"
        write(path, packed(arrays))
        self.loose[number] = path

    def results(self) -> Iterator[tuple[int, Arrays]]:
        """The finished parts that are in files of their own, by number; one that cannot be read is finished no more."""
        for number, path in sorted(self.loose.items()):
            found = _arrays(path)
            if found is None:
                self.loose.pop(number).unlink(missing_ok=True)
            else:
                yield number, found

    def compact(self, merged: Arrays) -> None:
        """All finished parts as one file, ``merged``."""
        within = self.done
        write(self.folder / MERGED, packed({**merged, DONE: np.array(sorted(within), np.int64)}))
        self.merged, self._within = merged, within
        for path in self.loose.values():
            path.unlink(missing_ok=True)
        self.loose = {}

    def _read_merged(self) -> tuple[Arrays | None, set[int]]:
        path = self.folder / MERGED
        found = _arrays(path) if path.exists() else None
        if found is None or DONE not in found:
            return None, set()
        return found, set(map(int, found.pop(DONE)))


def parts_in(folder: Path) -> Iterator[tuple[int, Arrays]]:
    """(number, result) of the finished parts in a folder that are in files of their own, by number."""
    for path in sorted(folder.glob("part-*.npz")):
        found = _arrays(path)
        if found is not None:
            yield int(path.stem[5:]), found


def clear(folder: Path) -> None:
    """Nothing of a run is needed any more; what else lies in its folder stays."""
    for path in [*folder.glob("*.npz"), folder / RUN, *folder.glob(".*.part")]:
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _arrays(path: Path) -> Arrays | None:
    """The arrays of a file; None where it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"Expected a folder of finished parts, got {path}, which is damaged; delete it") from error
    return found if isinstance(found, dict) else {}
