"""The map over parts: every order gives one result, and a run that was stopped goes on where it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.parts import store
from core.parts.run import over_parts
from core.parts.work import Arrays, PartWork, added, joined

PARTS = [np.array([3, 1, 4]), np.array([1, 5]), np.array([9]), np.array([2, 6, 5]), np.array([3])]


@dataclass(frozen=True)
class Counting(PartWork):
    """How often each number is there; ``shared`` notes who was looked at."""

    numbers: int = 10

    def look(self, shared, part) -> Arrays:
        shared.append(tuple(part))
        return {"counts": np.bincount(part, minlength=self.numbers)}

    def merge(self, one, other) -> Arrays:
        return added(one, other)


class Rows(Counting):
    appended = True

    def look(self, shared, part) -> Arrays:
        shared.append(tuple(part))
        return {"at": np.sort(part), "twice": 2 * np.sort(part)}

    def merge(self, one, other) -> Arrays:
        return joined(one, other, by="at")


WHOLE = np.bincount(np.concatenate(PARTS), minlength=10)


def run(work=None, seen=None, **how):
    return list(over_parts(work or Counting(), PARTS, lambda: [] if seen is None else seen, **how))


@given(order=st.permutations(range(5)))
def test_every_order_gives_one_result(order):
    reached = run(order=order)
    assert (reached[-1].state["counts"] == WHOLE).all()
    assert [one.done for one in reached] == [0, 1, 2, 3, 4, 5] and reached[-1].progress == 1
    rows = run(Rows(), order=order)[-1].state
    assert (rows["at"] == np.sort(np.concatenate(PARTS))).all() and (rows["twice"] == 2 * rows["at"]).all()


@pytest.mark.parametrize("at_once", [2, 64])
@pytest.mark.parametrize("stop", [0, 1, 3, 5])
def test_a_stopped_run_goes_on_where_it_was(tmp_path, monkeypatch, at_once, stop):
    monkeypatch.setattr("core.parts.run.AT_ONCE", at_once)
    first, second = [], []
    frames = over_parts(Counting(), PARTS, lambda: first, folder=tmp_path)
    for _ in range(stop + 1):
        next(frames)
    frames.close()
    reached = run(seen=second, folder=tmp_path)
    assert (reached[-1].state["counts"] == WHOLE).all()
    assert len(first) == stop and sorted(first + second) == sorted(map(tuple, PARTS)), "each was looked at once"


def test_a_run_that_was_killed_goes_on_from_its_files(tmp_path):
    """Killed: nothing is called at the end, a file is cut off, and another one was being written."""
    frames = over_parts(Counting(), PARTS, list, folder=tmp_path)
    kept = [next(frames) for _ in range(4)]
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    frames.close()
    for path in tmp_path.iterdir():
        path.unlink()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "part-00000001.npz").write_bytes(files["part-00000001.npz"][:50])
    (tmp_path / ".part-00000004.npz.part").write_bytes(b"half")
    seen = []
    assert (run(seen=seen, folder=tmp_path)[-1].state["counts"] == WHOLE).all()
    assert len(kept) == 4 and sorted(seen) == sorted(map(tuple, (PARTS[1], PARTS[3], PARTS[4])))


def test_appended_results_stay_in_files(tmp_path):
    work = Rows()
    reached = run(work, folder=tmp_path)[-1]
    assert reached.state == {} and reached.done == 5
    kept = store.Store(tmp_path, work.settings)
    assert [found["at"].tolist() for _, found in kept.results()] == [sorted(part) for part in PARTS]
    seen = []
    run(work, seen=seen, folder=tmp_path)
    assert seen == [], "all of them are finished"
    store.clear(tmp_path)
    assert not tmp_path.exists()


def test_another_runs_folder_is_refused(tmp_path):
    run(folder=tmp_path, run={"network": "a"})
    with pytest.raises(ValueError, match="differs in network; choose another folder"):
        run(folder=tmp_path, run={"network": "b"})
    with pytest.raises(ValueError, match="differs in numbers"):
        run(Counting(11), folder=tmp_path, run={"network": "a"})
    (tmp_path / store.RUN).write_text("{")
    with pytest.raises(ValueError, match="which is damaged"):
        run(folder=tmp_path)


def test_a_failure_is_a_sentence_that_names_the_part():
    class Failing(Counting):
        def look(self, shared, part):
            return {"counts": np.zeros(2)[part]}

    with pytest.raises(ValueError, match="Expected part 0 to be looked at, got IndexError"):
        run(Failing())


def test_files_of_parts_hold_no_objects(tmp_path):
    np.savez(tmp_path / "part-00000000.npz", counts=np.array([print], object))
    seen = []
    reached = run(seen=seen, folder=tmp_path)
    assert len(seen) == 5 and (reached[-1].state["counts"] == WHOLE).all()
