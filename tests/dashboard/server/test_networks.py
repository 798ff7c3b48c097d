"""Networks in memory: built once, counted by who uses them, and one visitor's change never releases another's."""

from __future__ import annotations

import gc
import time
import weakref

import keras
import pytest

import core
from core.networks import zoo
from dashboard.server import loaded, networks
from dashboard.server.loaded import Loaded, weight_bytes

MIB = 2**20


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """A table with room for two small networks."""
    monkeypatch.setattr(loaded, "OVERHEAD", 10 * MIB)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    return Loaded(25 * MIB)


def small(name: str) -> core.Classifier:
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
    return core.classifier(keras.Model(image, keras.layers.Dense(2, name="logits")(x)), name=name, labels=["a", "b"])


def choose(table: Loaded, people, who: str, name: str) -> core.Classifier:
    people.be(who)
    found = table.load(name, lambda: small(name))
    table.choose(name)
    return found


def test_one_visitors_change_does_not_release_anothers(table, people):
    hers = choose(table, people, "she", "first")
    for name in ("second", "third", "fourth", "fifth"):
        choose(table, people, "he", name)
    assert table.load("first", lambda: pytest.fail("it was released while she uses it")) is hers
    assert "fifth" in table._values and "second" not in table._values


def test_three_people_on_three_networks_load_three_times(table, people):
    loads = []

    def load(name):
        loads.append(name)
        return small(name)

    for _ in range(5):
        for name in ("a", "b", "c"):
            people.be(f"with {name}")
            table.load(name, lambda name=name: load(name))
            table.choose(name)
    assert loads == ["a", "b", "c"]


def test_a_closed_tab_counts_no_longer_and_the_least_recently_used_goes_first(table, people):
    choose(table, people, "she", "first")
    choose(table, people, "he", "second")
    people.gone |= {"she", "he"}
    choose(table, people, "it", "third")
    assert set(table._values) == {"second", "third"}


def test_what_goes_is_really_freed(table, people):
    gone = weakref.ref(choose(table, people, "she", "first"))
    for name in ("second", "third"):
        choose(table, people, "she", name)
    assert gone() is None


def test_built_once_however_many_ask_at_once(table, people):
    built = []

    def build():
        built.append(1)
        time.sleep(0.1)
        return small("one")

    for number in range(5):
        people.start(f"p{number}", lambda: table.load("one", build))
    said = people.wait()
    assert len(built) == 1 and len({id(one) for one in said.values()}) == 1


def test_what_was_made_from_a_network_goes_with_it(table, people):
    whole = choose(table, people, "she", "first")
    for fraction in (0.5, 1.0):
        key = ("shuffled", "first", fraction)
        table.load(key, lambda fraction=fraction: core.randomized(whole, fraction=fraction), parent="first")
    assert ("shuffled", "first", 1.0) in table._values
    table.forget(lambda key: key == "first")
    assert not table._values


def test_a_shuffled_network_goes_before_the_one_that_is_used(table, people):
    whole = choose(table, people, "she", "first")
    for fraction in (0.2, 0.4, 0.6, 0.8, 1.0):
        key = ("shuffled", "first", fraction)
        table.load(key, lambda fraction=fraction: core.randomized(whole, fraction=fraction), parent="first")
    assert "first" in table._values and len(table._values) <= 3


def test_a_file_stays_while_a_network_that_stands_on_it_is_used(table, people):
    people.be("she")
    opened = table.load(("file", "x", 0), lambda: small("file"))
    table.load("own-1", lambda: opened.prepared(labels=("c", "d")), parent=("file", "x", 0), copies=0)
    table.choose("own-1")
    for name in ("second", "third", "fourth"):
        choose(table, people, "he", name)
    assert {"own-1", ("file", "x", 0)} <= set(table._values)
    assert table._weight("own-1") < table._weight(("file", "x", 0)), "it shares the file's weights"


def test_a_page_that_asks_for_its_network_hundreds_of_times_does_not_count_its_weights_each_time(
    table, people, monkeypatch
):
    choose(table, people, "she", "first")
    monkeypatch.setattr(loaded, "weight_bytes", lambda _: pytest.fail("counted again"))
    assert choose(table, people, "she", "first") and table.size > loaded.OVERHEAD


def test_weights_are_counted_in_bytes():
    net = small("one")
    assert weight_bytes(net) == 4 * (3 * 3 * 3 * 4 + 4 + 4 * 2 + 2)


def test_a_network_of_keras_is_built_once_when_several_open_it_at_once(people, monkeypatch):
    built, real = [], zoo._built

    def counted(name, weights, options):
        built.append(weights)
        return real(name, None, options)

    monkeypatch.setattr(zoo, "_built", counted)
    networks.NETWORKS.forget()
    for number in range(3):
        people.start(f"p{number}", lambda: networks.choose("mobilenet_0.25"))
    said = people.wait(120)
    networks.NETWORKS.forget()
    assert len({id(one) for one in said.values()}) == 1 and built == ["imagenet"]
    assert said["p0"].name == "mobilenet_0.25"


def test_a_failure_to_open_is_told_to_all_and_the_next_one_may_try(people, monkeypatch):
    def fails(name):
        time.sleep(0.1)
        raise ValueError("The weights could not be downloaded")

    monkeypatch.setattr(networks, "_opened", fails)
    for number in range(3):
        people.start(f"p{number}", lambda: networks.choose("vgg16"))
    said = people.wait()
    assert {str(error) for error in said.values()} == {"The weights could not be downloaded"}
    assert "vgg16" not in networks.NETWORKS._values
