"""Families are grouped aside: what cannot give way does not hold the compute slot."""

from __future__ import annotations

import pytest

import core
from dashboard.server import families
from dashboard.server.slot import ASIDE, SLOT


def test_units_are_grouped_beside_the_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[tuple[bool, bool]] = []
    monkeypatch.setattr(core, "families", lambda *_, **__: held.append((SLOT.mine, ASIDE.mine)) or ())
    families.families.clear()
    assert families.families("lens5_standard", "conv1_relu", "kernels", 0.7, _index=None, key=()) == ()
    families.families.clear()
    assert held == [(False, True)]
