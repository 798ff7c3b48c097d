"""The compute slot: fair, short work first, and nobody waits without knowing."""

from __future__ import annotations

import threading
import time

import pytest

import core
from core.pauses import aside, pause
from dashboard.server.slot import SHORT_IN_A_ROW, Slot, Waiting


@pytest.fixture
def slot() -> Slot:
    return Slot(chunk=0.02)


def queue_up(slot, people, wanted, order):
    """People who come one after the other while the slot is held; in ``order`` they write down when it is theirs."""
    for name, short in wanted:

        def act(name=name, short=short):
            with slot.turn(short=short):
                order.append(name)

        before = slot.waiting
        people.start(name, act)
        people.until(lambda before=before: slot.waiting > before)


def test_first_come_first_served(slot, people):
    order = []
    with slot.turn():
        queue_up(slot, people, [(f"p{number}", False) for number in range(8)], order)
    people.wait()
    assert order == [f"p{number}" for number in range(8)]


def test_short_work_goes_before_long_work_but_does_not_starve_it(slot, people):
    order = []
    with slot.turn():
        queue_up(slot, people, [("long", False), *((f"s{number}", True) for number in range(8))], order)
    people.wait()
    assert order[0] == "s0"
    assert 1 <= order.index("long") <= SHORT_IN_A_ROW


def test_one_at_a_time(slot, people):
    inside, most = [], []

    def act():
        for _ in range(20):
            with slot.turn():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    for number in range(6):
        people.start(f"p{number}", act)
    people.wait()
    assert max(most) == 1 and len(most) == 120 and not slot.held


def test_who_waits_is_told_how_many_are_before_and_can_be_interrupted(slot, people):
    told: list[Waiting] = []

    def wait():
        with slot.turn(tell=told.append):
            pytest.fail("it is not their turn")

    with slot.turn():
        queue_up(slot, people, [("before", False)], [])
        thread = people.start("waiter", wait)
        people.until(lambda: bool(told))
        people.interrupted.add("waiter")
        thread.join(1)
        assert not thread.is_alive(), "an interrupted waiter leaves within a second"
        assert slot.waiting == 1
    people.wait()
    assert told[0].before == 2 and told[0].seconds > 0
    assert "2 others are before you" in told[0].sentence
    assert not slot.held


def test_a_long_routine_gives_way_at_its_pauses(slot, people):
    """A bisection or an estimate takes seconds: others wait for one chunk of it, not for all."""
    waited = []

    def predict():
        since = time.monotonic()
        with slot.turn(short=True):
            waited.append(time.monotonic() - since)

    with slot.turn():
        people.start("other", predict)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            time.sleep(0.005)
            pause()
        assert slot.mine, "and has the slot again"
    people.wait()
    assert waited[0] < 0.5


def test_a_click_ends_a_long_routine_at_its_next_pause(slot, people, tiny):
    since = time.monotonic()

    def act():
        with slot.turn():
            core.last(core.maximize(tiny, "conv2_relu", [0], size=32, steps=1000))

    core.last(core.maximize(tiny, "conv2_relu", [0], size=32, steps=1))
    thread = people.start("one", act)
    people.until(lambda: slot.held)
    people.interrupted.add("one")
    thread.join(10)
    assert not thread.is_alive() and not slot.held and time.monotonic() - since < 60


def test_it_is_held_once_by_a_thread_and_left_while_something_else_is_waited_for(slot, people):
    order = []

    def other():
        with slot.turn():
            order.append("other")

    with slot.turn(), slot.turn(short=True):
        with slot.paused():
            assert not slot.held
            people.start("other", other)
            people.wait()
        order.append("again")
        assert slot.mine
    assert order == ["other", "again"] and not slot.held


def test_interrupted_at_the_moment_of_the_grant_the_slot_goes_on(slot, people):
    """The slot may be granted to somebody who has just been interrupted: it must not be lost."""
    for _ in range(30):
        ready = threading.Event()

        def act(ready=ready):
            ready.set()
            with slot.turn():
                time.sleep(0.001)

        with slot.turn():
            people.start("a", act)
            people.start("b", act)
            ready.wait()
            people.interrupted.add("a")
        people.wait()
        people.interrupted.clear()
        people.threads.clear()
    assert not slot.held and slot.waiting == 0


def test_what_is_compiled_is_compiled_in_one_thread_without_the_slot(slot, people):
    begun, may_end, threads = threading.Event(), threading.Event(), set()

    def compile_slowly():
        threads.add(threading.current_thread().name)
        begun.set()
        assert may_end.wait(20) and not slot.mine
        return "compiled"

    def run():
        with slot.turn():
            found = aside(compile_slowly)
            return found, slot.mine

    def compute():
        with slot.turn():
            return "computed"

    people.start("one", run)
    people.start("two", run)
    people.until(begun.is_set)
    other = people.start("other", compute)
    other.join(5)
    assert people.said.get("other") == "computed", "others compute meanwhile"
    may_end.set()
    said = people.wait()
    assert said["one"] == said["two"] == ("compiled", True)
    assert len(threads) == 1 and threads.pop().startswith("compiling") and not slot.held


def test_who_waits_for_what_is_compiled_can_be_interrupted_and_what_fails_is_told(slot, people):
    may_end = threading.Event()

    def wait():
        with slot.turn():
            aside(lambda: may_end.wait(20))
            pytest.fail("it was interrupted")

    thread = people.start("waiter", wait)
    people.until(lambda: people.threads and thread.is_alive() and not slot.held)
    people.interrupted.add("waiter")
    thread.join(1)
    assert not thread.is_alive() and not slot.held, "within a second"
    may_end.set()

    def fail():
        raise ValueError("Expected a cat")

    with slot.turn():
        with pytest.raises(ValueError, match="Expected a cat"):
            aside(fail)
        assert slot.mine, "who goes on computing holds it"
