import pytest

import core
from core.networks.imagenet_groups import GROUPS

LABELS = core.imagenet_labels()
KNOWN = {
    "tench": "fish",
    "puffer": "fish",
    "cock": "birds",
    "great grey owl": "birds",
    "flamingo": "birds",
    "eft": "amphibians",
    "triceratops": "reptiles",
    "sidewinder": "reptiles",
    "tick": "spiders and their kin",
    "koala": "other mammals",
    "jellyfish": "sea animals and molluscs",
    "starfish": "sea animals and molluscs",
    "hermit crab": "crustaceans",
    "killer whale": "sea mammals",
    "Chihuahua": "dogs",
    "Mexican hairless": "dogs",
    "timber wolf": "wolves and foxes",
    "tabby": "cats",
    "cheetah": "cats",
    "ice bear": "bears and mongooses",
    "ladybug": "insects",
    "zebra": "hoofed animals",
    "hamster": "rabbits and rodents",
    "otter": "other mammals",
    "gorilla": "apes and monkeys",
    "giant panda": "elephants and pandas",
    "abacus": "things",
    "yurt": "things",
    "bubble": "things",
    "toilet tissue": "things",
    "street sign": "signs and print",
    "pizza": "food",
    "espresso": "food",
    "alp": "landscapes",
    "volcano": "landscapes",
    "scuba diver": "people",
    "daisy": "plants and fungi",
    "ear": "plants and fungi",
}


@pytest.mark.parametrize("label", KNOWN)
def test_classes_that_everybody_knows_are_in_their_group(label):
    assert core.imagenet_group(LABELS.index(label)) == KNOWN[label]


def test_runs_are_in_order_and_begin_with_the_first_class():
    starts = [start for start, _ in GROUPS]
    assert starts == sorted(set(starts)) and starts[0] == 0 and starts[-1] < len(LABELS)


@pytest.mark.parametrize("index", [-1, 1000, 1.0, True, "1"])
def test_what_is_no_class_has_no_group(index):
    with pytest.raises(ValueError, match="Expected index from 0 to 999"):
        core.imagenet_group(index)
