"""What units are called: counted, with purity; the group where the class is too fine; nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import core


def index_of(pictures, values=None, done=20):
    """An index of a made-up layer: (channels, top) numbers of pictures."""
    which = np.array(pictures, np.int32)
    values = np.ones(which.shape, np.float32) if values is None else np.array(values, np.float32)
    none, means = np.zeros_like(which), np.zeros((done, len(which)), np.float32)
    return core.UnitIndex("made", which, none, none, values, means, means, done)


LABELS = ["tabby"] * 2 + ["beagle", "pug", "Samoyed", "collie"] + ["daisy"] * 2 + [f"other {i}" for i in range(12)]


def test_a_name_is_what_most_patches_share_with_its_counts():
    found = core.name_units(index_of([[0, 1, 8], [2, 3, 4], [8, 9, 10]]), LABELS)
    assert (found[0].name, found[0].hits, found[0].count, found[0].group) == ("tabby", 2, 3, False)
    assert found[0].purity == pytest.approx(2 / 3) and found[0].usual == pytest.approx(2 / 20)
    assert (found[1].name, found[1].hits, found[1].group) == ("dogs", 3, True), "no breed is shared, the group is"
    assert found[1].usual == pytest.approx(4 / 20)
    assert found[2] == core.UnitName(count=3), "three different things have no name"


def test_the_class_is_told_where_it_says_more_than_its_group():
    labels = ["beagle"] * 3 + ["pug"] * 3 + ["daisy"] * 14
    assert core.name_units(index_of([[0, 1, 2]]), labels)[0].name == "beagle"
    assert core.name_units(index_of([[0, 1, 3]]), labels)[0].name == "dogs"


def test_what_is_usual_is_no_name():
    found = core.name_units(index_of([[0, 1, 2], [0, 1, 19]]), ["daisy"] * 19 + ["cup"])
    assert found[0] == core.UnitName(count=3), "three daisies of a set of daisies are no wonder"
    assert found[1] == core.UnitName(count=3), "daisies are rarer here than among all pictures"


def test_things_are_no_group_that_says_something():
    labels = ["mouse", "desk", "cup"] + ["daisy"] * 17
    assert core.name_units(index_of([[0, 1, 2]]), labels)[0] == core.UnitName(count=3)


def test_patches_that_do_not_excite_the_unit_do_not_count():
    found = core.name_units(index_of([[0, 1, 8], [0, 1, -1]], [[1, 1, 0], [0, -1, -np.inf]]), LABELS)
    assert (found[0].name, found[0].hits, found[0].count) == ("tabby", 2, 2)
    assert found[1] == core.UnitName() and found[1].purity == 0, "dead"


def test_unknown_labels_are_no_name():
    assert core.name_units(index_of([[0, 1, 2]]), [""] * 20)[0] == core.UnitName(count=3)


def test_names_by_the_network_itself(tiny):
    """A unit of the answers is called by its own class, wherever pictures are answered so."""
    pictures = core.as_set(np.random.default_rng(3).random((40, 24, 40, 3), dtype=np.float32) ** 2)
    *_, found = core.index_units(tiny, ["conv2_relu", core.LOGITS], pictures, top=4)
    said = core.answers_of(tiny, found[core.LOGITS])
    assert list(said) == [core.predict(tiny, one[None], top=1)[0][0][0] for one in pictures.pictures(range(40))]
    for unit, name in enumerate(core.name_units(found[core.LOGITS], said)):
        patches = found[core.LOGITS].pictures[unit][found[core.LOGITS].values[unit] > 0]
        assert name.hits == sum(said[i] == name.name for i in patches) and name.count == len(patches)
    assert len(core.name_units(found["conv2_relu"], said)) == 8
    assert core.patches(tiny, found[core.LOGITS], pictures, 2).cut().shape[1:3] == (24, 40), "an answer sees all"


def test_what_cannot_be_named_gets_one_sentence(tiny):
    with pytest.raises(ValueError, match="Expected 20 labels, one for each picture that was looked at, got 3"):
        core.name_units(index_of([[0, 1, 2]]), ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"Expected an index of .* of tiny, got one of 'made'"):
        core.answers_of(tiny, index_of([[0, 1, 2]]))


def test_the_best_of_a_larger_set_are_held_against_those_that_stand_for_all():
    """No picture of the sample bears the name that all of the best ones bear: it is rare, and not impossible."""
    best, others = np.arange(4, dtype=np.int32), np.arange(4, 10, dtype=np.int32)
    rows, values = np.zeros((1, 4), np.int32), np.array([[4, 3, 2, 1]], np.float32)
    means = np.zeros((10, 1), np.float32)
    index = core.UnitIndex("gap", best[None], rows, rows, values, means, means, 10, usual=others, looked_at=1000)
    labels = ["rare"] * 4 + ["common"] * 6
    (found,) = core.name_units(index, labels)
    assert (found.name, found.hits, found.count) == ("rare", 4, 4) and found.usual == 1 / 7
