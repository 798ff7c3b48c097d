"""Public names of earlier versions still work, and say what they are called now."""

import pytest

import core


@pytest.mark.parametrize(("old", "new"), core._RENAMED.items())
def test_an_earlier_name_still_works_and_says_what_it_is_called_now(old, new):
    with pytest.warns(DeprecationWarning, match=rf"core\.{old} is now core\.{new}"):
        found = getattr(core, old)
    assert found is getattr(core, new)
    assert old not in core.__all__ and new in core.__all__


def test_other_names_are_missing_as_usual():
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        core.no_such_name  # noqa: B018
