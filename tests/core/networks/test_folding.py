import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks import folding
from core.networks.classifiers import LOGITS
from core.networks.nonlinearities import after_nonlinearity, before_nonlinearity
from core.networks.requirements import require_finite_weights
from core.networks.steps import BEFORE


def scramble(network, seed=0):
    """Weights as training leaves them, above all in the BatchNormalizations, whose start is the identity."""
    normal = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, L.BatchNormalization):
            size = layer.moving_mean.shape[0]
            values = {"gamma": normal.normal(0.5, 0.7, size), "beta": normal.normal(0, 0.3, size)}
            values |= {"moving_mean": normal.normal(0, 0.3, size), "moving_variance": normal.uniform(0.2, 2, size)}
            for name, value in values.items():
                if getattr(layer, name, None) is not None:
                    getattr(layer, name).assign(value)
    return network


@pytest.fixture(scope="module")
def branchy():
    """Every kind of convolution in front of a BatchNormalization, one whose own output is used too, and a sum."""
    keras.utils.set_random_seed(3)
    x = image = keras.Input((None, None, 3))
    x = stem = L.Conv2D(8, 3, padding="same", activation="relu", name="stem")(x)
    x = L.BatchNormalization(name="stem_bn")(x)
    x = L.Conv2D(8, 3, dilation_rate=2, padding="same", groups=2, name="grouped")(x)
    x = L.ReLU(name="grouped_relu")(L.BatchNormalization(scale=False, name="grouped_bn")(x))
    x = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False, name="depth")(x)
    x = L.ReLU(max_value=6, name="depth_relu")(L.BatchNormalization(name="depth_bn")(x))
    x = L.SeparableConv2D(8, 3, padding="same", name="separable")(x)
    x = L.BatchNormalization(center=False, name="separable_bn")(x)
    x = L.ReLU(name="sum_relu")(L.Add(name="sum")([x, stem]))
    x = used = L.Conv2D(8, 1, strides=2, name="used")(x)
    x = L.LeakyReLU(name="used_leaky")(L.BatchNormalization(name="used_bn")(x))
    x = L.Add(name="again")([x, used])
    x = L.Conv2D(6, (3, 1), strides=(1, 2), name="last")(x)
    x = L.ReLU(name="last_relu")(L.BatchNormalization(name="last_bn")(x))
    x = L.GlobalAveragePooling2D(name="gap")(x)
    x = L.Dense(7, use_bias=False, name="dense")(x)
    x = L.Dense(5, name="logits")(L.BatchNormalization(name="dense_bn")(x))
    return core.classifier(scramble(keras.Model(image, x, name="branchy")), name="branchy", size=(24, 40))


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).random((2, 23, 41, 3), dtype=np.float32)


TARGET = tf.constant([4, 1])
NAMES = ("stem", "stem_bn", "grouped_bn", "depth_relu", "separable_bn", "sum", "used", "used_bn", "again", "last_bn")


def run(classifier, pictures, layers, narrow=()):
    return folding.forward(classifier, layers, narrow=narrow)(tf.constant(pictures), TARGET)


def test_a_folded_network_gives_the_same_outputs(branchy, pictures):
    for names in [(LOGITS,), ("sum",), NAMES]:
        expected = branchy.forward(names)(tf.constant(pictures))
        for name, value in run(branchy, pictures, names).items():
            assert value.numpy() == pytest.approx(expected[name].numpy(), abs=1e-4), name


def test_folding_takes_batch_normalizations_away_where_nobody_looks_in_between(branchy):
    def norms(names):
        steps = folding.fold(branchy.graph, names).needed(names)
        return {s.name for s in steps if isinstance(s.operation, L.BatchNormalization)}

    assert norms([LOGITS]) == {"stem_bn", "used_bn"}  # one is behind an activation, one's convolution is used elsewhere
    assert norms(["grouped", "grouped_bn"]) == {"stem_bn", "grouped_bn"}
    assert len(branchy.graph.needed([LOGITS])) == 23


def test_functions_share_their_folded_weights_until_those_of_the_network_change(branchy):
    def copy():
        return folding.fold(branchy.graph, ["last_bn"]).producer(branchy.graph.tensors["last_bn"]).operation

    before, layer = branchy.network.get_weights(), branchy.network.get_layer("last_bn")
    first, values = copy(), copy().get_weights()
    assert (
        copy() is first
        and folding.fold(branchy.graph, [LOGITS]).producer(branchy.graph.tensors["last_bn"]).operation is first
    ), "one for every function"
    try:
        layer.set_weights([2 * one for one in layer.get_weights()])
        assert copy() is not first and not np.array_equal(copy().get_weights()[0], values[0])
        assert np.array_equal(first.get_weights()[0], values[0]), "a function that was made before stays as it was"
    finally:
        branchy.network.set_weights(before)


def test_the_network_itself_is_left_alone(branchy, pictures):
    before = [w.copy() for w in branchy.network.get_weights()]
    steps = branchy.graph.steps
    tensors = set(branchy.graph.tensors)
    run(branchy, pictures, ["stem" + BEFORE, "last_relu"], narrow=["last_relu"])
    assert all(np.array_equal(a, b) for a, b in zip(before, branchy.network.get_weights(), strict=True))
    assert branchy.graph.steps == steps and set(branchy.graph.tensors) == tensors


@pytest.mark.parametrize("name", ["again", "sum", "last_bn", "last_relu", "gap", LOGITS, "depth_relu", "stem", "used"])
def test_one_channel_alone_is_that_channel_of_all(branchy, pictures, name):
    every = branchy.forward([name])(tf.constant(pictures))[name].numpy()
    own = run(branchy, pictures, [name], narrow=[name])[name].numpy()
    assert own.shape == (*every.shape[:-1], 1)
    expected = np.stack([every[picture, ..., channel] for picture, channel in enumerate(TARGET.numpy())])
    assert own[..., 0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["again", "last_bn", "last_relu", "stem"])
def test_one_channel_alone_has_the_same_gradient(branchy, pictures, name):
    def slope(narrow):
        x = tf.constant(pictures)
        with tf.GradientTape() as tape:
            tape.watch(x)
            units = folding.forward(branchy, [name], narrow=narrow)(x, TARGET)[name]
            chosen = units[..., 0] if narrow else tf.gather(units, TARGET, axis=-1, batch_dims=1)
            total = tf.reduce_sum(chosen)
        return tape.gradient(total, x).numpy()

    whole = slope(())
    assert np.abs(whole).max() > 1e-3
    assert slope((name,)) == pytest.approx(whole, abs=float(1e-3 * np.abs(whole).max()))


def test_before_the_nonlinearity(branchy, tiny):
    pairs = {"grouped_relu": "grouped_bn", "grouped": "grouped_bn", "grouped_bn": "grouped_bn", "sum_relu": "sum"}
    pairs |= {"stem": "stem" + BEFORE, "stem_bn": "stem_bn", "used": "used", "used_leaky": "used_bn", "gap": "gap"}
    pairs |= {"logits": "logits"}
    assert {name: before_nonlinearity(branchy, name) for name in pairs} == pairs
    assert before_nonlinearity(tiny, "conv1_relu") == "conv1"
    assert before_nonlinearity(tiny, "conv2") == "conv2_bn"
    assert after_nonlinearity(tiny, "conv2") == "conv2_relu"
    assert after_nonlinearity(tiny, "logits") == "logits"


def test_what_goes_into_a_layers_own_activation(branchy, pictures):
    values = run(branchy, pictures, ["stem", "stem" + BEFORE])
    assert values["stem" + BEFORE].numpy().min() < -0.01
    assert np.maximum(values["stem" + BEFORE], 0) == pytest.approx(values["stem"].numpy(), abs=1e-5)
    own = run(branchy, pictures, ["stem" + BEFORE], narrow=["stem" + BEFORE])["stem" + BEFORE].numpy()
    assert own[1, ..., 0] == pytest.approx(values["stem" + BEFORE].numpy()[1, ..., 1], abs=1e-4)


def test_a_dead_rectifier_lets_the_gradient_up_through_but_not_down():
    image = keras.Input((None, None, 3))
    bias = keras.initializers.Constant(-100.0)
    units = L.ReLU(name="relu")(L.Conv2D(2, 3, bias_initializer=bias, name="conv")(image))
    dead = core.classifier(keras.Model(image, units), name="dead", size=(8, 9))

    def slope(sign, narrow):
        x = tf.fill((2, 8, 9, 3), 0.5)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = sign * folding.forward(dead, ["relu"], narrow=narrow)(x, tf.constant([0, 1]))["relu"]
        return np.abs(tape.gradient(value, x)).max()

    assert slope(1.0, ["relu"]) > 0.01
    assert slope(-1.0, ["relu"]) == slope(1.0, []) == 0


def test_unknown_layers_are_refused(branchy):
    with pytest.raises(ValueError, match="branchy has no layer 'nowhere'"):
        folding.forward(branchy, ["nowhere"])
    with pytest.raises(ValueError, match="Expected a layer with an activation of its own before ':before', got 'gap'"):
        folding.forward(branchy, ["gap" + BEFORE])


def test_broken_weights_are_found_only_where_they_matter():
    image = keras.Input((None, None, 3))
    x = L.Conv2D(2, 3, name="fine")(image)
    network = keras.Model(image, L.Conv2D(2, 3, name="broken")(x))
    network.get_layer("broken").bias.assign([0.0, np.nan])
    net = core.classifier(network, name="nan", size=(16, 16))
    require_finite_weights(net, ["fine"])
    with pytest.raises(ValueError, match="Expected finite weights, got NaN or infinity in layer 'broken' of nan"):
        require_finite_weights(net, ["broken"])
