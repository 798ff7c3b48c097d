import threading

import pytest

from core.networks.kept import Kept

PATIENCE = 10  # seconds that nothing in here takes unless it is broken


def begin(work):
    """Run in a thread of its own: (thread, what it gave)."""
    given = []
    thread = threading.Thread(target=lambda: given.append(work()), daemon=True)
    thread.start()
    return thread, given


@pytest.fixture
def slow():
    """A ``make`` that waits: (make, event set once it has begun, event that lets it end)."""
    begun, end = threading.Event(), threading.Event()

    def make():
        begun.set()
        return "slow" if end.wait(PATIENCE) else "never let go"

    yield make, begun, end
    end.set()


def test_what_is_being_made_holds_up_nobody_who_wants_something_else(slow):
    make, begun, end = slow
    kept = Kept(4)
    kept.get("ready", lambda: "ready")
    maker, given = begin(lambda: kept.get("slow", make))
    assert begun.wait(PATIENCE)
    others = [begin(lambda: kept.get("ready", list)), begin(lambda: kept.get("other", lambda: "other"))]
    for thread, _ in others:
        thread.join(PATIENCE)
    assert [found for _, found in others] == [["ready"], ["other"]]
    assert not given, "the slow one is still being made"
    end.set()
    maker.join(PATIENCE)
    assert given == ["slow"]


def test_two_who_want_the_same_get_the_same_and_it_is_made_once(slow):
    make, begun, end = slow
    kept, calls = Kept(4), []
    first, one = begin(lambda: kept.get("key", make))
    assert begun.wait(PATIENCE)
    second, other = begin(lambda: kept.get("key", lambda: calls.append("again")))
    second.join(0.2)
    assert second.is_alive() and not other
    end.set()
    first.join(PATIENCE), second.join(PATIENCE)
    assert one == other == ["slow"] and calls == []


def test_a_failure_is_told_and_forgotten():
    kept = Kept(4)
    with pytest.raises(ZeroDivisionError):
        kept.get("key", lambda: 1 / 0)
    assert len(kept) == 0
    assert kept.get("key", lambda: "better") == "better"


def test_whoever_waited_for_a_failure_tries_himself():
    kept, begun, end = Kept(4), threading.Event(), threading.Event()

    def fail():
        begun.set()
        end.wait(PATIENCE)
        raise ValueError

    def attempt():
        with pytest.raises(ValueError):
            kept.get("key", fail)
        return "told"

    first, told = begin(attempt)
    assert begun.wait(PATIENCE)
    second, given = begin(lambda: kept.get("key", lambda: "mine"))
    end.set()
    first.join(PATIENCE), second.join(PATIENCE)
    assert told == ["told"] and given == ["mine"]


def test_making_may_ask_for_what_another_thread_makes():
    kept, both = Kept(4), threading.Barrier(2, timeout=PATIENCE)

    def outer(name):
        both.wait()  # both have begun their own before either asks for the part
        return name, kept.get("part", object)

    threads = [begin(lambda name=name: kept.get(name, lambda: outer(name))) for name in ("one", "two")]
    for thread, _ in threads:
        thread.join(PATIENCE)
    (one,), (two,) = (given for _, given in threads)
    assert one[1] is two[1]


def test_the_least_used_go_first():
    kept = Kept(2)
    for key in "abac":
        kept.get(key, str)
    assert [*kept] == ["a", "c"] and len(kept) == 2
