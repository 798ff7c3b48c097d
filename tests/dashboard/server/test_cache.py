"""The cache: each key once, bounded by bytes, safe from changes and from interruptions."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

import core
from dashboard.server import memory, uploads
from dashboard.server.cache import RESULTS, Cache, cached, frozen
from dashboard.server.slot import SLOT

MIB = 2**20


def test_a_key_is_computed_once_while_others_wait(people):
    cache, calls = Cache(MIB), []

    def compute():
        calls.append(1)
        time.sleep(0.1)
        return np.ones(4)

    for number in range(8):
        people.start(f"p{number}", lambda: cache.get("key", compute))
    said = people.wait()
    assert len(calls) == 1
    assert len({id(value) for value in said.values()}) == 1


def test_another_key_does_not_wait(people):
    cache, go = Cache(MIB), threading.Event()
    people.start("slow", lambda: cache.get("slow", lambda: go.wait(10)))
    since = time.monotonic()
    assert cache.get("quick", lambda: 1) == 1
    assert time.monotonic() - since < 1
    go.set()
    people.wait()


def test_bytes_are_bounded_not_entries():
    cache = Cache(MIB)
    for number in range(50):
        cache.get(number, lambda: np.zeros(100_000, np.uint8))
    assert len(cache) == 10 and cache.size <= MIB
    for number in range(5000):
        cache.get(("small", number), lambda: 1.5)
    assert len(cache) > 1000, "small values are many"


def test_the_least_recently_used_goes_first():
    cache = Cache(250_000)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda: np.zeros(100_000, np.uint8))
    assert cache.get("a", lambda: None) is not None
    assert cache.get("b", lambda: None) is None


def test_what_is_larger_than_the_cache_is_computed_and_not_kept():
    cache = Cache(1000)
    assert cache.get("large", lambda: np.zeros(5000)).shape == (5000,)
    assert len(cache) == 0


def test_nobody_can_change_what_is_kept():
    cache = Cache(MIB)
    value = cache.get("key", lambda: {"layer": np.zeros(3), "names": ["a"]})
    with pytest.raises(ValueError, match="read-only"):
        value["layer"][0] = 1
    with pytest.raises(TypeError):
        value["layer"] = None
    assert cache.get("key", dict)["names"] == ("a",)


def test_arrays_inside_a_dataclass_are_read_only_too():
    @dataclass(frozen=True)
    class Found:
        pixels: np.ndarray

    with pytest.raises(ValueError, match="read-only"):
        frozen(Found(np.zeros(3))).pixels[0] = 1


def test_a_failure_is_told_to_all_who_wait_and_not_kept(people):
    cache, calls = Cache(MIB), []

    def compute():
        calls.append(1)
        time.sleep(0.1)
        raise ValueError("Expected a cat, got a dog")

    for number in range(5):
        people.start(f"p{number}", lambda: cache.get("key", compute))
    said = people.wait()
    assert {str(error) for error in said.values()} == {"Expected a cat, got a dog"} and len(calls) == 1
    assert cache.get("key", lambda: "cat") == "cat"


def test_an_interrupted_computation_keeps_nothing_and_another_takes_over(people):
    cache, inside = Cache(MIB), threading.Event()

    def interrupted():
        inside.set()
        time.sleep(0.1)
        raise people.Interrupted

    people.start("first", lambda: cache.get("key", interrupted))
    inside.wait(5)
    people.start("second", lambda: cache.get("key", lambda: "whole"))
    said = people.wait()
    assert isinstance(said["first"], people.Interrupted) and said["second"] == "whole"
    assert cache.get("key", lambda: "other") == "whole"


def test_who_waits_can_be_interrupted(people):
    cache, go = Cache(MIB), threading.Event()
    people.start("first", lambda: cache.get("key", lambda: go.wait(10)))
    people.until(lambda: cache._flights)
    thread = people.start("second", lambda: cache.get("key", lambda: None))
    people.interrupted.add("second")
    thread.join(1)
    assert not thread.is_alive()
    go.set()
    assert isinstance(people.wait()["second"], people.Interrupted)


def test_who_waits_holds_no_slot_that_the_other_needs(people):
    """One holds the slot and waits for a value; the one who computes it needs the slot: both must get on."""
    cache, begun = Cache(MIB), threading.Event()

    def compute():
        begun.set()
        with SLOT.turn():
            return "value"

    with SLOT.turn():
        people.start("other", lambda: cache.get("key", compute))
        begun.wait(5)
        assert cache.get("key", lambda: "mine") == "value"
        assert SLOT.mine
    people.wait()


def test_a_value_that_was_forgotten_while_it_was_computed_is_not_kept(people):
    cache, go = Cache(MIB), threading.Event()
    people.start("first", lambda: cache.get("key", lambda: go.wait(10)))
    people.until(lambda: cache._flights)
    cache.forget()
    go.set()
    people.wait()
    assert len(cache) == 0


def test_a_cached_function_leaves_marked_arguments_out_of_its_key():
    calls = []

    @cached
    def twice(number, *, scale=2, _note=""):
        calls.append(_note)
        return number * scale

    assert twice(3) == twice(3, scale=2, _note="other") == 6
    assert twice(3, scale=3) == 9 and len(calls) == 2
    twice.clear()
    assert twice(3) == 6 and len(calls) == 3
    twice.clear()


def test_the_budget_comes_from_the_memory_that_is_there(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1000 * MIB)
    assert memory.budget(0.1, least=MIB, most=500 * MIB) == 100 * MIB
    assert memory.budget(0.1, least=200 * MIB, most=500 * MIB) == 200 * MIB
    assert memory.budget(0.9, least=MIB, most=500 * MIB) == 500 * MIB
    assert 0 < RESULTS.budget <= 384 * MIB


def test_a_container_allows_less_than_its_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    whole = memory.available()
    (tmp_path / "memory.max").write_text("1048576\n")
    (tmp_path / "memory.current").write_text("524288\n")
    assert memory.available() == 524288 < whole
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() > 524288


def test_a_row_of_thumbnails_keeps_no_whole_picture():
    RESULTS.forget()
    assert all(uploads.thumbnail(name) for name in core.samples.names())
    assert RESULTS.size < MIB, "all sample pictures take 70 MiB"
    assert np.array_equal(uploads.read("cat"), uploads.picture("cat"))


def test_weights_of_values():
    whole = np.zeros((100, 100), np.float32)
    assert memory.weigh(whole) == 40_000
    assert memory.weigh(whole[:1]) == 40_000, "a view keeps all of it"
    assert 80_000 <= memory.weigh({"a": whole, "b": [whole.copy(), whole]}) < 81_000, "each once"
    assert memory.weigh(b"x" * 1000) >= 1000
