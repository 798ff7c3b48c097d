"""Long routines let others in about every 0.2 seconds, and can be ended there."""

import threading

import numpy as np
import pytest

import core
from core.pauses import each, pause


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
