"""Long routines let others in about every 0.2 seconds, and can be ended there."""

import threading
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

import core
from core.pauses import aside, each, pause, staying


class EndedError(Exception):
    pass


def test_nothing_happens_where_nobody_asked():
    pause()
    assert list(each("abc")) == ["a", "b", "c"]


def test_what_was_asked_for_happens_at_every_pause_and_only_inside():
    seen = []
    with core.pausing(lambda: seen.append(1)):
        assert list(each(range(3))) == [0, 1, 2]
        with core.pausing(lambda: seen.append(2)):
            pause()
        pause()
    pause()
    assert seen == [1, 1, 1, 2, 1]


def test_other_threads_are_left_alone():
    seen = []
    with core.pausing(lambda: seen.append(1)):
        other = threading.Thread(target=pause)
        other.start()
        other.join()
    assert seen == []


ROUTINES = {
    "minimal_epsilon": lambda net, pictures: core.minimal_epsilon(net, pictures[:1], [0]),
    "epsilon_curve": lambda net, pictures: core.epsilon_curve(net, pictures[:1], 0, [1 / 255, 8 / 255]),
    "occlusion": lambda net, pictures: core.attribute(net, pictures[:1], 0, method="occlusion"),
    "integrated": lambda net, pictures: core.attribute(net, pictures[:1], 0, method="integrated"),
    "estimate": lambda net, pictures: core.estimate(net, "conv2_relu", [0], size=32, steps=4),
    "codes": lambda net, pictures: core.codes(net, np.repeat(pictures, 80, axis=0), "conv1"),
    "logits": lambda net, pictures: core.logits_of(net, np.repeat(pictures, 120, axis=0)),
}


@pytest.mark.parametrize("name", ROUTINES)
def test_routines_that_answer_only_at_their_end_pause_and_can_be_ended(tiny, name):
    pictures = np.random.default_rng(0).random((2, 24, 40, 3), dtype=np.float32)
    times = []
    with core.pausing(lambda: times.append(1)):
        whole = ROUTINES[name](tiny, pictures)
    assert len(times) >= 2 and whole is not None

    def end():
        raise EndedError

    with pytest.raises(EndedError), core.pausing(end):
        ROUTINES[name](tiny, pictures)


def elsewhere(work):
    """Do it in a thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()), name="elsewhere")
    thread.start()
    thread.join()
    return found[0]


def test_what_is_done_aside_is_done_elsewhere_where_the_program_wants_it_and_no_lock_is_held():
    def who():
        return threading.current_thread().name

    here = who()
    assert aside(who) == here
    with core.pausing(lambda: None, elsewhere=elsewhere):
        assert aside(who) == "elsewhere"
        with staying():
            assert aside(who) == here
        assert aside(who) == "elsewhere"
        with core.pausing(lambda: None):
            assert aside(who) == here
    assert aside(who) == here


def first(frames):
    return next(iter(frames))


def large(picture):
    return np.tile(picture, (1, 2, 1, 1))


COMPILING = {
    "maximize": lambda net, one: first(core.maximize(net, "conv2_relu", [0], size=32, steps=2)),
    "dream": lambda net, one: first(core.dream(net, large(one), {"conv2_relu": 1.0}, steps=1)),
    "guided dream": lambda net, one: first(core.dream(net, large(one), {"conv2_relu": 1.0}, steps=1, guide=large(one))),
    "pgd": lambda net, one: first(core.pgd(net, one, [0], steps=2)),
    "carlini": lambda net, one: first(core.carlini_wagner(net, one, [0], steps=2, searches=1)),
    "deepfool": lambda net, one: first(core.deepfool(net, one, [0])),
    "caricature": lambda net, one: first(core.caricature(net, one, ["conv2_relu"], steps=2)),
    "unit index": lambda net, one: first(core.index_units(net, ["conv1_relu"], core.as_set(one))),
    "patches back": lambda net, one: core.projection(net, one, "conv2_relu", 0),
    "auto pgd": lambda net, one: first(core.auto_pgd(net, one, [0], steps=2)),
    "what if": lambda net, one: core.what_if(net, one, "conv2_relu", {0: 0.0}, target=0),
    "expanded": lambda net, one: core.expanded_weights(net, "conv2_relu", 0),
    "ablate": lambda net, one: core.ablate(net, one, "conv2_relu", [0]),
    "live": lambda net, one: core.prepare_look(net, "conv2_relu"),
    "contributions": lambda net, one: core.contributions(net, one, "conv2_relu", target=0),
    "logits": lambda net, one: core.logits_of(net, one),
    **{name: lambda net, one, name=name: core.attribute(net, one, 0, method=name) for name in core.METHODS},
}


@pytest.mark.parametrize("name", COMPILING)
def test_no_routine_compiles_where_it_computes(tiny, name):
    """A network's ``preprocess`` is called whenever a function of it is traced."""
    traced = Counter()

    def preprocess(pictures):
        if not tf.executing_eagerly():
            traced[threading.current_thread().name] += 1
        return tiny.preprocess(pictures)

    net = tiny.prepared(preprocess=preprocess)
    one = np.random.default_rng(0).random((1, *tiny.size, 3), dtype=np.float32)
    with core.pausing(lambda: None, elsewhere=elsewhere):
        COMPILING[name](net, one)
    assert set(traced) <= {"elsewhere"}
