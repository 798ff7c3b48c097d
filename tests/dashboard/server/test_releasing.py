"""Memory goes back to the system when nothing is computed, and only then is garbage looked for."""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np
import psutil
import pytest

from dashboard.server import releasing
from dashboard.server.releasing import AT_LEAST, EVERY, GONE, QUIET, Releasing

MIB = 2**20
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


def looks(one: Releasing, *parts: float, since: float = 0.0) -> list[bool]:
    """One look after the other, each after a time in which this part of a processor was used."""
    found, now, spent = [], since, 0.0
    one._now = one._last = one._rests_since = one._collected = since
    for part in parts:
        now, spent = now + EVERY, spent + part * EVERY
        found.append(one.look(now, spent))
    return found


def test_memory_is_given_back_once_after_work():
    given: list[int] = []
    one = Releasing(lambda: given.append(1))
    rest = int(QUIET / EVERY)
    assert looks(one, 0.02, 0.02, 0.02) == [False] * 3, "nothing has been computed"
    assert looks(one, 1.0, *[0.0] * (2 * rest)) == [False] * rest + [True] + [False] * rest
    assert len(given) == 1


def test_while_something_computes_it_is_given_back_once_a_minute():
    one = Releasing(lambda: None)
    found = looks(one, *[1.5] * int(2.5 * AT_LEAST / EVERY))
    assert sum(found) == 2


def test_garbage_that_was_left_alone_is_collected_when_a_session_has_ended_and_the_server_rests():
    one, ring = Releasing(lambda: None), Ring()
    gone = weakref.ref(ring)
    gc.collect()
    gc.freeze()
    del ring
    gc.collect()
    assert gone() is not None, "what is frozen is not looked at"
    one.session_left()
    looks(one, 1.0)
    assert gone() is not None, "not while something is computed"
    assert any(looks(one, *[0.0] * 3)) and gone() is None


def test_it_is_looked_again_when_who_has_left_does_not_come_back(monkeypatch):
    monkeypatch.setattr(releasing.time, "monotonic", lambda: 0.0)
    drops: list[int] = []
    one = Releasing(lambda: None)
    one.also(lambda: drops.append(1))
    one.session_left()
    looks(one, *[0.0] * int((GONE + 10) / EVERY))
    assert len(drops) == 2, "when the tab was closed, and when its session counts as gone"


def test_what_nobody_uses_is_dropped_first():
    order: list[str] = []
    one = Releasing(lambda: order.append("given back"))
    one.also(lambda: order.append("dropped"))
    looks(one, 1.0, 0.0, 0.0)
    assert order == ["dropped", "given back"]


@LINUX
def test_what_is_freed_leaves_the_process():
    before = resident()
    many = [np.ones(2000, np.float32) for _ in range(16_000)]  # 8 kB each: from the heap, not from the system
    last = [np.ones(2000, np.float32) for _ in range(8)]
    assert resident() - before > 100 * MIB
    del many
    releasing.give_back()
    assert resident() - before < 40 * MIB and len(last) == 8


@LINUX
def test_code_is_unmapped_and_comes_back_by_itself():
    assert releasing.unmap_code() > MIB
    assert np.linalg.eigh(np.eye(3))[0].tolist() == [1, 1, 1]


def test_only_what_is_as_its_file_is_may_be_unmapped():
    def mapping(kind: str, file: str, written: int) -> str:
        sizes = {"Rss": 8, "Shared_Dirty": 0, "Private_Dirty": written, "Anonymous": written, "Locked": 0}
        head = f"7f00-7f02 {kind} 00001000 08:01 123    {file}\n"
        return head + "".join(f"{name}: {size} kB\n" for name, size in sizes.items())

    library = "/lib/some.so.2"
    parts = [mapping("r-xp", library, 0), mapping("r--p", library, 0), mapping("r--p", library, 4),
             mapping("rw-p", library, 0), mapping("r-xp", "/bin/python", 0), mapping("r-xp", "", 0)]  # fmt: skip
    assert list(releasing._clean("".join(parts))) == [(0x7F00, 0x7F02, 8192)] * 2


def test_without_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr(releasing, "_function", lambda name: None)
    one = Releasing()
    one.begin()
    assert not releasing.give_back() and releasing.unmap_code() == 0 and one._begun.acquire(blocking=False)
