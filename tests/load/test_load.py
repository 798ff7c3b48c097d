"""A short version of ``people``: two people for twenty seconds wait little, and nothing is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.load.people import KINDS, meet, report


@pytest.mark.slow
def test_two_people_for_twenty_seconds() -> None:
    record = meet(2, 20)
    assert not record.unsettled and not record.wrong, report(record)
    assert set(record.seconds) <= set(KINDS) and len(record.seconds["first page"]) == 2
    assert sum(map(len, record.seconds.values())) > 4, report(record)
