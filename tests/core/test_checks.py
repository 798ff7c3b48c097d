"""Checks of arguments: what they let through, and the sentence for everything else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import checks

TABLE = {"one": frozenset({1}), "two": frozenset({1, 2})}


def test_a_row_is_found_by_its_name_or_is_one_already():
    assert checks.row("set", "two", TABLE) is TABLE["two"]
    own = frozenset({3})
    assert checks.row("set", own, TABLE) is own
    for wrong in ("three", None, ["one"], 1):
        with pytest.raises(ValueError, match=r"There is no set .*; there is one, two"):
            checks.row("set", wrong, TABLE)


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text()))
def test_anything_is_a_whole_number_in_range_or_gets_one_sentence(value):
    whole = isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= 40
    if whole:
        assert checks.whole("size", value, 2, 40) == value
        return
    with pytest.raises(ValueError, match="Expected size from 2 to 40, got "):
        checks.whole("size", value, 2, 40)


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text()))
def test_anything_is_a_number_in_range_or_gets_one_sentence(value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0.5 <= value <= 2
    if number:
        assert checks.number("scale", value, 0.5, 2) == value
        return
    with pytest.raises(ValueError, match=r"Expected scale from 0\.5 to 2, got "):
        checks.number("scale", value, 0.5, 2)


def test_a_batch_is_not_copied_and_never_changed():
    batch = np.random.default_rng(0).random((2, 3, 4, 3), dtype=np.float32)
    assert checks.pictures(batch) is batch
    assert checks.picture(batch[:1]).shape == checks.picture(batch[0]).shape == (1, 3, 4, 3)
