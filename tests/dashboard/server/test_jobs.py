"""Jobs: shared by sessions, begun once, never partial without saying so, and they compute only while followed."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.pauses import aside, pause
from dashboard.server import jobs as table
from dashboard.server import sessions
from dashboard.server.jobs import Job, JobError, Jobs, State

MIB = 2**20


@dataclass(frozen=True)
class Part:
    """A result on its way."""

    number: int
    progress: float
    weight: Any = None


def parts(count: int, *, seconds: float = 0.01, log: list[str] | None = None, size: int = 0):
    """A routine of so many chunks; it notices when two threads are in it."""
    inside = threading.Lock()
    for number in range(1, count + 1):
        assert inside.acquire(blocking=False), "two sessions advance one generator"
        time.sleep(seconds)
        if log is not None:
            log.append(sessions.current())
        inside.release()
        yield Part(number, number / count, np.zeros(size, np.uint8))


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(MIB)


KEY = ("some", "key")


def test_a_job_runs_to_its_end_and_is_there_for_the_next(jobs):
    job = jobs.open(KEY, lambda: parts(5))
    assert job.state is State.WAITING and job.latest is None
    assert [part.number for part in job.follow()] == [1, 2, 3, 4, 5]
    assert job.state is State.FINISHED and job.progress == 1
    again = jobs.open(KEY, lambda: pytest.fail("it is there"))
    assert [part.number for part in again.follow()] == [5]


def test_two_follow_one_job_which_is_begun_once_and_advanced_by_one_at_a_time(jobs, people):
    begun, log = [], []

    def begin():
        begun.append(1)
        return parts(20, log=log)

    def act():
        return [part.number for part in jobs.open(KEY, begin).follow()]

    for name in "abc":
        people.start(name, act)
    said = people.wait()
    assert len(begun) == 1 and len(log) == 20
    for numbers in said.values():
        assert numbers == sorted(numbers) and numbers[-1] == 20


@pytest.mark.parametrize("error", [ValueError("Expected a cat"), RuntimeError("boom"), MemoryError(), KeyError("x")])
def test_a_failure_is_told_to_everyone_and_never_served_as_finished(jobs, people, error):
    def failing():
        yield Part(1, 0.1)
        time.sleep(0.1)
        raise error

    def act():
        return list(jobs.open(KEY, failing).follow())

    for name in "abc":
        people.start(name, act)
    said = people.wait()
    assert all(isinstance(one, JobError) and isinstance(one, ValueError) for one in said.values())
    (sentence,) = {str(one) for one in said.values()}
    if isinstance(error, ValueError):
        assert sentence == "Expected a cat"
    else:  # words of a framework stay in the log
        assert "no fault of yours" in sentence and type(error).__name__ not in sentence and "boom" not in sentence
    assert jobs.find(KEY).state is State.FAILED
    assert [part.number for part in jobs.open(KEY, lambda: parts(2)).follow()] == [1, 2], "it may be tried again"


def test_a_failure_at_the_beginning_is_told_too(jobs):
    def begin():
        raise ValueError("Expected channels from 0 to 5, got 9")

    with pytest.raises(JobError, match="Expected channels from 0 to 5, got 9"):
        list(jobs.open(KEY, begin).follow())


def test_a_routine_without_results_is_not_finished(jobs):
    with pytest.raises(JobError, match="got none"):
        list(jobs.open(KEY, lambda: iter(())).follow())


def test_stop_is_for_one_session_and_the_other_goes_on(jobs, people):
    job = jobs.open(KEY, lambda: parts(40))

    def stops():
        for part in job.follow():
            if part.number >= 5:
                job.stop()
        return job.state, job.latest.number

    people.start("a", stops)
    people.start("b", lambda: [part.number for part in job.follow()])
    said = people.wait()
    assert said["b"][-1] == 40
    assert said["a"][1] < 40 or said["a"][0] is State.FINISHED


def test_what_is_stopped_rests_says_so_and_goes_on(jobs):
    log: list[str] = []
    job = jobs.open(KEY, lambda: parts(10, log=log))
    for part in job.follow():
        if part.number == 4:
            job.stop()
    assert job.state is State.STOPPED and job.latest.number == 4 and job.progress == pytest.approx(0.4)
    assert list(job.follow()) == [] and len(log) == 4
    job.go_on()
    assert [part.number for part in job.follow()][-1] == 10 and len(log) == 10


def test_a_closed_tab_ends_the_computing_within_a_second(jobs, people):
    log: list[str] = []
    job = jobs.open(KEY, lambda: parts(10_000, log=log))
    thread = people.start("a", lambda: list(job.follow()))
    people.until(lambda: len(log) > 3)
    people.interrupted.add("a")
    thread.join(1)
    assert not thread.is_alive()
    count = len(log)
    time.sleep(0.1)
    assert len(log) == count, "nobody computes on"
    assert job.state is State.WAITING


def test_a_reload_comes_back_to_the_job_where_it_was(jobs, people):
    begun, log = [], []

    def begin():
        begun.append(1)
        return parts(30, log=log)

    thread = people.start("before", lambda: list(jobs.open(KEY, begin).follow()))
    people.until(lambda: len(log) > 5)
    people.interrupted.add("before")
    thread.join(1)
    reached = jobs.find(KEY).latest.number
    people.start("after", lambda: [part.number for part in jobs.open(KEY, begin).follow()])
    said = people.wait()["after"]
    assert said[0] in (reached, reached + 1) and said[-1] == 30 and len(begun) == 1


def test_another_takes_over_where_the_one_who_advanced_leaves(jobs, people):
    log: list[str] = []
    job = jobs.open(KEY, lambda: parts(60, log=log))
    people.start("a", lambda: list(job.follow()))
    people.until(lambda: len(log) > 3)
    people.start("b", lambda: [part.number for part in job.follow()])
    people.interrupted.add("a")
    said = people.wait()
    assert isinstance(said["a"], people.Interrupted) and said["b"][-1] == 60 and len(log) == 60


def test_what_gets_ready_may_be_stopped_at_its_pauses_and_what_has_a_result_only_between_two(jobs, people):
    steps: list[str] = []

    def begin():
        for name in ("ready", "first"):
            for _ in range(200):
                steps.append(name)
                time.sleep(0.001)
                pause()
            yield Part(len(steps), 0.5)

    people.start("stops", lambda: list(jobs.open(KEY, begin).follow()))
    people.until(lambda: len(steps) > 20)
    people.interrupted.add("stops")
    assert isinstance(people.wait()["stops"], people.Interrupted) and len(steps) < 200
    people.interrupted.clear()
    people.start("goes on", lambda: list(jobs.open(KEY, begin).follow()))
    people.until(lambda: "first" in steps)
    people.interrupted.add("goes on")
    people.wait()
    assert steps.count("first") == 200 and jobs.find(KEY).latest.number == len(steps)


def test_a_generator_that_was_interrupted_inside_is_begun_anew_not_taken_for_finished(jobs, people):
    """Python ends a generator that raises: its next result would be the end, and the part be served as the whole."""
    runs = []

    def begin():
        runs.append(1)
        yield Part(1, 0.5)
        if len(runs) == 1:
            raise people.Interrupted
        yield Part(2, 1.0)

    job = jobs.open(KEY, begin)
    with pytest.raises(people.Interrupted):
        list(job.follow())
    assert job.state is State.WAITING and job.latest.number == 1
    assert [part.number for part in job.follow()][-1] == 2 and len(runs) == 2


def test_the_table_is_bounded_by_bytes_and_keeps_what_is_used(jobs, people):
    for number in range(12):  # of people who have gone
        people.be(f"gone {number}")
        list(jobs.open(("old", number), lambda: parts(1, size=200_000)).follow())
        people.gone.add(f"gone {number}")
    assert jobs.size <= MIB + 200_000
    assert jobs.find(("old", 0)) is None and jobs.find(("old", 11)) is not None


def test_a_job_that_somebody_follows_or_uses_is_not_dropped(jobs, people):
    people.be("pupil")
    mine = jobs.open(("mine",), lambda: parts(1, size=200_000))
    list(mine.follow())
    follower = iter(jobs.open(("followed",), lambda: parts(5, size=200_000)).follow())
    next(follower)
    for number in range(20):
        people.be(f"gone {number}")
        list(jobs.open(("old", number), lambda: parts(1, size=200_000)).follow())
        people.gone.add(f"gone {number}")
    assert jobs.find(("mine",)) is mine and jobs.find(("followed",)) is not None
    follower.close()


def test_a_server_full_of_what_others_use_refuses_in_one_sentence(jobs, people):
    for number in range(6):
        people.be(f"pupil {number}")
        list(jobs.open(("work", number), lambda: parts(1, size=200_000)).follow())
    people.be("late")
    with pytest.raises(ValueError, match="try later"):
        jobs.open(("more",), lambda: parts(1))
    people.be("pupil 0")
    assert isinstance(jobs.open(("instead",), lambda: parts(1)), Job), "one's own earlier results make room"


def test_what_a_generator_goes_on_from_is_weighed_until_it_has_ended(jobs):
    def inner(state):
        yield from ({"part": state * part} for part in range(2))

    def begin():
        table, own = np.zeros(300_000, np.uint8), {"moments": [np.ones(200_000, np.uint8)]}
        shown = np.zeros(100_000, np.uint8)
        for number, _ in enumerate(inner(np.ones(50_000, np.uint8))):
            yield Part(number + len(own) + table[0], 0.5, shown)

    job = jobs.open(("large",), begin)
    following = iter(job.follow())
    next(following)
    assert 700_000 <= job.size < 710_000, "the array that is in both is counted once"
    list(following)
    assert 100_000 <= job.size < 110_000


def test_a_job_that_rests_and_that_nobody_uses_holds_no_generator_and_begins_anew(jobs, people, monkeypatch):
    monkeypatch.setattr(table, "REST", 0.0)
    begun: list[str] = []

    def begin():
        begun.append(sessions.current())
        return parts(3)

    for name in ("gone", "here"):
        people.be(name)
        for _ in (one := jobs.open((name,), begin)).follow():
            one.stop()
    people.gone.add("gone")
    jobs.open(("next",), lambda: parts(1))
    for name in ("gone", "here"):
        people.be(name)
        job = jobs.find((name,))
        assert job.latest.number == 1, "what was reached stays"
        job.go_on()
        assert [part.number for part in job.follow()][-1] == 3
    assert begun == ["gone", "here", "gone"]


def test_what_was_stopped_has_one_button_on_the_page_that_asks_for_it(monkeypatch):
    keys = [("rests",), ("rests elsewhere",)]
    for key in keys:
        job = table.open(key, lambda: parts(3))
        with contextlib.closing(job.follow()) as following:
            next(following)
        job._stopped.add("test session id")

    def page():
        from dashboard.server import jobs

        for _ in range(2):
            jobs.follow(("rests",), lambda: iter(()), say=str)

    app = AppTest.from_function(page).run()
    (button,) = app.button
    assert button.label == "Go on" and not app.exception
    button.click().run()
    assert not app.button and table.find(keys[0]).state is State.FINISHED
    assert table.find(keys[1]).latest.number == 1, "what another page has stopped rests"
    table.TABLE.forget(lambda key: key in keys)


def test_many_open_find_and_follow_at_once(jobs, people):
    def act():
        seen = 0
        for number in range(30):
            job = jobs.open(("job", number % 7), lambda: parts(3, seconds=0))
            seen += len(list(job.follow()))
            jobs.all()
        return seen

    for name in "abcdef":
        people.start(name, act)
    said = people.wait()
    assert all(isinstance(count, int) and count >= 30 for count in said.values()), said


def test_the_time_that_is_left_is_told(jobs):
    job = jobs.open(KEY, lambda: parts(10, seconds=0.02))
    left = [job.seconds_left for _ in job.follow()]
    assert left[0] == 0 and 0.05 < left[2] < 2 and left[-1] < left[3]


def test_a_page_may_draw_results_while_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LIVE_SECONDS", 0.0)
    drawn: list[int] = []
    found = table.follow(("drawn live",), lambda: parts(4), say=str, show=lambda _, part: drawn.append(part.number))
    table.TABLE.forget(lambda key: key == ("drawn live",))
    assert drawn == sorted(drawn) and drawn[-1] == found.number and len(drawn) >= 4


def test_stop_before_the_first_result_ends_the_waiting_for_what_is_compiled_and_the_next_finds_it(jobs, people):
    begun, may_end, compiled = threading.Event(), threading.Event(), []

    def compile_slowly():
        if not compiled:
            begun.set()
            assert may_end.wait(20)
            compiled.append(1)

    def begin():
        aside(compile_slowly)
        yield from parts(3)

    job = jobs.open(KEY, begin)
    thread = people.start("a", lambda: list(job.follow()))
    people.until(begun.is_set)
    people.interrupted.add("a")  # as Streamlit does when somebody clicks Stop
    thread.join(1)
    assert not thread.is_alive() and job.state is State.WAITING and not job.error
    may_end.set()
    assert [part.number for part in job.follow()] == [1, 2, 3] and compiled == [1]


def test_what_is_compiled_later_is_waited_for_since_what_was_reached_would_be_lost(jobs, people):
    begun, may_end = threading.Event(), threading.Event()

    def compile_slowly():
        begun.set()
        assert may_end.wait(20)

    def begin():
        yield Part(1, 0.5)
        aside(compile_slowly)
        yield Part(2, 1.0)

    job = jobs.open(KEY, begin)
    thread = people.start("a", lambda: list(job.follow()))
    people.until(begun.is_set)
    people.interrupted.add("a")
    thread.join(0.4)
    assert thread.is_alive()
    may_end.set()
    thread.join(5)
    assert not thread.is_alive()
    assert [part.number for part in job.follow()] == [2]
