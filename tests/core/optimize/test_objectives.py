import numpy as np
import pytest
import tensorflow as tf

from core.optimize.objectives import Channel, CrossEntropy, Direction, Diversity, Energy, Logit, Neuron

MAPS = np.random.default_rng(0).normal(size=(4, 5, 7, 6)).astype(np.float32)
LOGITS = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
ACTIVATIONS = {"a": tf.constant(MAPS), "b": tf.constant(MAPS[..., ::-1] ** 2), "(logits)": tf.constant(LOGITS)}
TARGET = tf.constant([0, 3, 5, 3])

EVERY = [
    Channel("a"),
    Channel("a", channel=2),
    Channel("a", border=2),
    Neuron("a"),
    Neuron("a", 0, 6),
    Logit(),
    Logit(label=1),
    Direction("a", (1.0, -2.0, 0.0, 0.0, 0.5, 0.0)),
    Direction("a", (1.0, -2.0, 0.0, 0.0, 0.5, 0.0), power=1.0),
    Energy("b"),
    CrossEntropy(),
    CrossEntropy(scale="sigmoid"),
    Diversity("a", facets=2),
]


def value(objective, target=TARGET):
    return objective(ACTIVATIONS, target).numpy()


@pytest.mark.parametrize("objective", EVERY, ids=repr)
def test_every_objective_gives_one_finite_number_for_each_picture(objective):
    assert value(objective).shape == (4,)
    assert np.isfinite(value(objective)).all()


def test_values_are_those_of_numpy():
    rows = np.arange(4)
    own = MAPS[rows, :, :, TARGET.numpy()]
    assert value(Channel("a")) == pytest.approx(own.mean((1, 2)), rel=1e-5)
    assert value(Channel("a", border=2)) == pytest.approx(own[:, 2:3, 2:5].mean((1, 2)), rel=1e-5)
    assert value(Channel("a", border=9)) == pytest.approx(own[:, 2, 3], rel=1e-5)
    assert value(Channel("a", channel=1)) == pytest.approx(MAPS[..., 1].mean((1, 2)), rel=1e-5)
    assert value(Neuron("a")) == pytest.approx(own[:, 2, 3], rel=1e-5)
    assert value(Neuron("a", 4, 1)) == pytest.approx(own[:, 4, 1], rel=1e-5)
    assert value(Logit()) == pytest.approx(LOGITS[rows, TARGET.numpy()], rel=1e-5)
    assert value(Energy("a")) == pytest.approx((MAPS**2).mean((1, 2, 3)), rel=1e-5)
    assert value(Energy("a", border=1)) == pytest.approx((MAPS[:, 1:-1, 1:-1] ** 2).mean((1, 2, 3)), rel=1e-5)
    assert value(Direction("a", (0.0, 2.0, 0.0, -1.0, 0.0, 0.0))) == pytest.approx(
        (2 * MAPS[..., 1] - MAPS[..., 3]).mean((1, 2)), rel=1e-4, abs=1e-6
    )
    shares = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    assert value(CrossEntropy()) == pytest.approx(-np.log(shares[rows, TARGET.numpy()]), rel=1e-5)
    assert value(CrossEntropy(scale="sigmoid")) == pytest.approx(
        np.log1p(np.exp(-LOGITS[rows, TARGET.numpy()])), rel=1e-5
    )


def test_arithmetic_is_arithmetic_and_leaves_operands_alone():
    a, b = Channel("a"), Energy("b")
    va, vb = value(a), value(b)
    assert value(a + 2 * b) == pytest.approx(va + 2 * vb, rel=1e-5)
    assert value(a - b) == pytest.approx(va - vb, rel=1e-5)
    assert value(-a) == pytest.approx(-va, rel=1e-5)
    assert value(3 * (a - 0.5 * b) * -2) == pytest.approx(-6 * va + 3 * vb, rel=1e-5)
    assert value(a - (a - b)) == pytest.approx(vb, rel=1e-4, abs=1e-6)
    assert a == Channel("a") and b == Energy("b")
    assert value(a) == pytest.approx(va) and value(b) == pytest.approx(vb)


def test_objectives_are_values():
    assert 2 * Channel("a") - Energy("b") == 2 * Channel("a") - Energy("b")
    assert len({hash(Channel("a") + Energy("b")), hash(Channel("a") + Energy("b"))}) == 1
    assert Channel("a") != Channel("b")
    assert 2 * Channel("a") != 3 * Channel("a")
    assert "Channel(layer='a'" in repr(Channel("a") + Energy("b"))


def test_a_sum_knows_its_layers_and_which_may_be_narrowed():
    total = Channel("a") + Neuron("a") - Energy("b") + Channel("c") + Diversity("c", 4)
    assert total.layers == ("a", "b", "c")
    assert total.narrow == ("a",)
    assert total.group == 4
    assert Channel("a", channel=1).narrow == ()
    assert (Channel("a") + Channel("a", channel=1)).narrow == ()


def test_a_layer_narrowed_to_the_target_gives_the_same():
    own = MAPS[np.arange(4), :, :, TARGET.numpy()][..., None]
    for objective in (Channel("a"), Neuron("a", 1, 2), Channel("a", border=1)):
        assert objective({"a": tf.constant(own)}, TARGET).numpy() == pytest.approx(value(objective), rel=1e-5)


def test_diversity_is_lowest_for_equal_pictures_and_stays_within_groups():
    one, other = MAPS[:1], MAPS[1:2]
    equal = tf.constant(np.concatenate([one, one, one, other]))
    scores = Diversity("a", 2)({"a": equal}, TARGET).numpy()
    assert scores[:2] == pytest.approx(-1, abs=1e-5)
    assert (scores[2:] > -0.99).all()
    assert scores[2] == scores[3]
