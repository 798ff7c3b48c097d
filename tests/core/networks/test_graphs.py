import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(3)


def values(network, pictures, layers=None, **options):
    """Every layer of a network, not compiled, and the classifier."""
    net = core.classifier(network, name=network.name, **options)
    names = tuple(net.layers) if layers is None else layers
    return net, {name: result.numpy() for name, result in net.forward(names)(tf.constant(pictures)).items()}


def photos(height=24, width=40, channels=3, count=2):
    return np.random.default_rng(0).random((count, height, width, channels), dtype=np.float32)


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------------ the walk


def branches():
    x = image = keras.Input((24, 40, 3), name="image")
    x = L.Rescaling(2.0, offset=-1.0, name="scale")(x)
    left = L.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="left")(x)
    right = L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2, name="depthwise")(x)
    right = L.BatchNormalization(
        moving_mean_initializer="random_normal", beta_initializer="random_normal", name="norm"
    )(right)
    right = L.Conv2D(4, 1, name="right")(right)
    x = L.Add(name="sum")([left, right])
    x = L.Dropout(0.5, name="drop")(x)
    x = keras.ops.relu6(x * 3.0 + left)
    x = L.Concatenate(name="join")([x, left])
    squeezed = L.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    x = L.Multiply(name="excite")([x, L.Dense(8, activation="sigmoid", name="gate")(squeezed)])
    x = L.AveragePooling2D(2, name="pool")(x)
    x = L.Flatten(name="flat")(x)
    return keras.Model(image, L.Dense(4, name="logits")(x), name="branches")


def test_every_layer_is_what_keras_itself_gives():
    network, pictures = branches(), photos()
    net, ours = values(network, pictures)
    own = [layer for layer in network.operations if not isinstance(layer, L.InputLayer)]
    theirs = keras.Model(network.inputs, [layer.output for layer in own])([pictures], training=False)
    assert set(net.layers) == {layer.name for layer in own}
    for layer, value in zip(own, theirs, strict=True):
        same(ours[layer.name], value)
        assert net.layers[layer.name].shape == tuple(value.shape[1:])
        assert net.layers[layer.name].kind == type(layer).__name__
        assert net.layers[layer.name].parameters == (layer.count_params() if isinstance(layer, L.Layer) else 0)


def test_layers_are_listed_in_the_order_in_which_they_run():
    names = list(core.classifier(branches(), name="b").layers)
    assert names[0] == "scale" and names[-3:] == ["pool", "flat", "logits"]
    assert names.index("norm") < names.index("right") < names.index("sum") < names.index("join")


def encoder(name, width):
    """Two of these have layers of the same names."""
    image = keras.Input((None, None, width), name="in")
    x = L.Conv2D(4, 3, name="conv")(image)
    x = L.BatchNormalization(name="norm")(x)
    return keras.Model(image, L.ReLU(name="relu")(x), name=name)


def test_nested_models_are_listed_as_outer_and_inner():
    first, second, pictures = encoder("first", 3), encoder("second", 4), photos()
    network = keras.Sequential(
        [L.Input((24, 40, 3)), first, second, L.GlobalMaxPooling2D(name="gmp"), L.Dense(3, name="logits")], name="outer"
    )
    net, ours = values(network, pictures)
    assert list(net.layers) == [
        *("first/conv", "first/norm", "first/relu", "second/conv", "second/norm", "second/relu"),
        *("gmp", "logits"),
    ]
    middle = first(pictures)
    same(ours["first/relu"], middle)
    same(ours["second/conv"], second.get_layer("conv")(middle))
    same(ours["logits"], network(pictures))
    assert net.layers["second/conv"].receptive_field.size == (5, 5)
    same(net.weights("second/conv")[0], second.get_layer("conv").get_weights()[0])


def test_models_inside_models_inside_models():
    inner = keras.Sequential([encoder("deep", 3)], name="middle")
    image = keras.Input((24, 40, 3), name="image")
    network = keras.Model(image, L.Dense(2, name="logits")(L.GlobalAveragePooling2D(name="gap")(inner(image))))
    net, ours = values(network, photos())
    assert list(net.layers)[:3] == ["middle/deep/conv", "middle/deep/norm", "middle/deep/relu"]
    same(ours["logits"], network(photos()))


def test_nested_models_with_several_inputs_and_outputs():
    wide, image = keras.Input((None, None, 3), name="wide"), keras.Input((24, 40, 3), name="image")
    a = L.Conv2D(3, 3, padding="same", name="a")(wide)
    split = keras.Model(wide, [L.Conv2D(3, 1, name="b")(a), a], name="split")
    one, two = keras.Input((None, None, 3), name="one"), keras.Input((None, None, 3), name="two")
    merge = keras.Model([one, two], L.Subtract(name="minus")([one, two]), name="merge")
    x = L.GlobalAveragePooling2D(name="gap")(merge(split(image)))
    network = keras.Model(image, L.Dense(3, name="logits")(x), name="forked")
    net, ours = values(network, photos())
    assert list(net.layers) == ["split/a", "split/b", "merge/minus", "gap", "logits"]
    same(ours["logits"], network(photos()))


def test_a_layer_called_twice_is_listed_twice():
    conv, image = L.Conv2D(3, 3, padding="same", name="conv"), keras.Input((24, 40, 3), name="image")
    x = L.GlobalAveragePooling2D(name="gap")(conv(L.ReLU(name="relu")(conv(image))))
    net, ours = values(keras.Model(image, L.Dense(2, name="logits")(x)), photos())
    assert list(net.layers) == ["conv", "relu", "conv:2", "gap", "logits"]
    same(ours["conv"], conv(photos()))
    same(ours["conv:2"], conv(keras.ops.relu(conv(photos()))))
    assert [net.layers[name].receptive_field.size for name in ("conv", "conv:2")] == [(3, 3), (5, 5)]


def test_augmentation_and_dropout_do_nothing_and_rescaling_does():
    network = keras.Sequential(
        [
            L.Input((24, 40, 3)),
            L.RandomFlip(name="flip"),
            L.RandomRotation(0.4, name="turn"),
            L.GaussianNoise(0.9, name="noise"),
            L.Rescaling(5.0, name="scale"),
            L.SpatialDropout2D(0.9, name="drop"),
            L.Conv2D(3, 3, name="conv"),
            L.Flatten(name="flat"),
            L.Dense(2, name="logits"),
        ],
        name="augmented",
    )
    net, ours = values(network, photos())
    for name in ("flip", "turn", "noise"):
        same(ours[name], photos())
    same(ours["drop"], photos() * 5)
    assert net.layers["conv"].receptive_field.size == (3, 3)


class Subclassed(keras.Model):
    def __init__(self, ending=(), call=None):
        super().__init__(name="subclassed")
        self.conv, self.norm = L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="norm")
        self.gap, self.logits = L.GlobalAveragePooling2D(name="gap"), L.Dense(3, name="logits")
        self.ending, self.own = ending, call

    def call(self, x, training=False):
        if self.own:
            return self.own(x)
        x = self.norm(self.conv(x), training=training)
        x = self.logits(self.gap(keras.ops.relu(x)))
        for end in self.ending:
            x = end(x)
        return x


def test_a_subclassed_model_of_keras_layers_and_operations():
    network = Subclassed()
    network(photos())
    net, ours = values(network, photos(), size=(24, 40))
    assert [info.kind for info in net.layers.values()] == [
        *("Conv2D", "BatchNormalization", "Relu", "GlobalAveragePooling2D", "Dense")
    ]
    same(ours["logits"], network(photos()))
    assert next(info for info in net.layers.values() if info.kind == "Relu").receptive_field.size == (3, 3)


@pytest.mark.parametrize("call", [tf.nn.relu, lambda x: x.numpy(), lambda x: {}[1]], ids=["tf", "numpy", "bug"])
def test_a_subclassed_model_that_cannot_be_followed_is_refused_in_one_sentence(call):
    with pytest.raises(ValueError, match=r"Expected subclassed to be made of Keras layers and keras\.ops only, got a "):
        core.classifier(Subclassed(call=call), name="odd", size=(24, 40))


def test_reading_a_network_leaves_it_as_it_was():
    network = branches()
    before, config = network(photos()).numpy(), network.get_config()
    values(network, photos())
    same(network(photos()), before)
    assert network.get_config() == config


def test_only_what_is_needed_runs():
    net = core.classifier(branches(), name="b")
    needed = [step.name for step in net.graph.needed(["right"])]
    assert needed == ["scale", "depthwise", "norm", "right"]


# ----------------------------------------------------------------------------------- receptive fields


def positive(low=0.5, high=1.5):
    return keras.initializers.RandomUniform(low, high)


def random_network(rng, height, width):
    """Layers of every local kind, with positive weights, so that a unit answers to all that it can see."""

    def either(*options):
        return options[rng.integers(len(options))]

    def conv(name, **options):
        settings = {"kernel_size": either(1, 2, 3, (3, 5), (4, 1)), "padding": either("same", "valid")} | options
        return L.Conv2D(2, kernel_initializer=positive(), activation=either(None, "relu"), name=name, **settings)

    def beside(x, index):
        one = conv(f"a{index}", kernel_size=3, padding="same", strides=2)(x)
        two = conv(f"b{index}", kernel_size=(1, 4), padding="same", strides=2)(x)
        return either(L.Add, L.Concatenate, L.Average)(name=f"merge{index}")([one, two])

    x = image = keras.Input((height, width, 3), name="image")
    for i in range(5):
        makers = [
            lambda i=i: conv(f"conv{i}"),
            lambda i=i: conv(f"strided{i}", strides=either(2, (2, 1), 3)),
            lambda i=i: conv(f"dilated{i}", dilation_rate=either(2, (1, 3))),
            lambda i=i: L.DepthwiseConv2D(
                3, strides=either(1, 2), padding=either("same", "valid"), depthwise_initializer=positive(),
                name=f"depthwise{i}",
            ),
            lambda i=i: L.SeparableConv2D(
                2, (3, 2), padding=either("same", "valid"), depthwise_initializer=positive(),
                pointwise_initializer=positive(), name=f"separable{i}",
            ),
            lambda i=i: L.MaxPooling2D(2, padding=either("same", "valid"), name=f"max{i}"),
            lambda i=i: L.AveragePooling2D(3, strides=2, padding=either("same", "valid"), name=f"mean{i}"),
            lambda i=i: L.ZeroPadding2D(((1, 2), (3, 0)), name=f"pad{i}"),
            lambda i=i: L.BatchNormalization(name=f"norm{i}"),
            lambda i=i: lambda before: beside(before, i),
        ]  # fmt: skip
        if min(x.shape[1:3]) >= 6:
            x = either(*makers)()(x)
    return keras.Model(image, x, name="random")


def support(net, name, pictures, units):
    """For each unit (row, column): which pixels move it, (H, W) bool, whatever the picture."""
    pictures = tf.constant(pictures)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(pictures)
        result = net.forward([name])(pictures)[name]
        answers = [tf.reduce_sum(result[:, row, column]) for row, column in units]
    return [np.any(tape.gradient(answer, pictures).numpy() != 0, axis=(0, 3)) for answer in answers]


def check_fields(network, pictures):
    net = core.classifier(network, name="random")
    reached = 0
    for name, info in net.layers.items():
        rows, columns = info.shape[:2]
        units = [(0, 0), (rows // 2, columns // 2), (rows - 1, columns - 1)]
        for unit, seen in zip(units, support(net, name, pictures, units), strict=True):
            window = info.receptive_field.window(*unit)
            inside = [w >= 0 for w in window[:2]] + [w <= n for w, n in zip(window[2:], seen.shape, strict=True)]
            if not seen.any():  # a unit of the padding itself
                assert not all(inside), (name, unit, window)
                continue
            box = [f(np.flatnonzero(seen.any(axis))) for f in (np.min, np.max) for axis in (1, 0)]
            found = (box[0], box[1], box[2] + 1, box[3] + 1)
            for side in range(4):
                place = (name, unit, window, found)
                assert found[side] == window[side] if inside[side] else 0 <= found[side] <= seen.shape[side % 2], place
                reached += inside[side]
    assert reached > 4 * len(net.layers), "most windows hang over the edge: nothing was checked"


@pytest.mark.parametrize("seed", range(10))
def test_receptive_fields_are_those_of_the_gradient(seed):
    keras.utils.set_random_seed(seed)
    height, width = [(40, 57), (41, 52)][seed % 2]
    check_fields(random_network(np.random.default_rng(seed), height, width), photos(height, width, count=40))


def test_receptive_field_after_cropping():
    layers = [L.Cropping2D(((3, 1), (2, 5)), name="crop"), L.Conv2D(2, 3, kernel_initializer=positive(), name="conv")]
    network = keras.Sequential([L.Input((24, 40, 3)), *layers])
    check_fields(network, photos())
    assert core.classifier(network, name="c").layers["conv"].receptive_field.window(0, 0) == (3, 2, 6, 5)


@pytest.mark.parametrize(
    "layer",
    [
        L.GlobalAveragePooling2D(keepdims=True, name="gap"),
        L.UpSampling2D(name="up"),
        L.LayerNormalization(axis=(1, 2, 3), name="whole"),
        L.GroupNormalization(1, name="groups"),
        L.Resizing(9, 9, name="resize"),
        L.RandomCrop(9, 9, name="crop"),
    ],
    ids=lambda layer: layer.name,
)
def test_where_a_layer_is_not_local_no_receptive_field_is_claimed(layer):
    network = keras.Sequential([L.Input((24, 40, 3)), layer, L.Conv2D(2, 1, name="conv")])
    assert core.classifier(network, name="c").layers["conv"].receptive_field is None


def test_normalization_over_channels_is_local():
    network = keras.Sequential([L.Input((24, 40, 3)), L.Conv2D(4, 3, name="conv"), L.LayerNormalization(name="norm")])
    assert core.classifier(network, name="c").layers["norm"].receptive_field.size == (3, 3)


def test_windows_and_unions_by_hand():
    pixel = core.ReceptiveField()
    conv = pixel.slide((3, 3), (2, 2), (1, 1))
    assert conv == core.ReceptiveField((3, 3), (2, 2), (-1, -1))
    assert conv.slide((3, 5), (1, 1), (0, 0)) == core.ReceptiveField((7, 11), (2, 2), (-1, -1))
    assert conv.window(2, 5) == (3, 9, 6, 12)
    assert conv.union(core.ReceptiveField((1, 9), (2, 2), (5, 0))) == core.ReceptiveField((7, 10), (2, 2), (-1, -1))
