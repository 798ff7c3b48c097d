"""The networks in the box, and the script that trained them."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import core
from core.bundled import train
from core.networks import zoo

NAMES = ("lens5_standard", "lens5_robust")
RUN = train.Stage(128 * 40, peak=0.3, crops=((0.0, 48, 0.35), (0.5, 64, 0.7)))


# ---------------------------------------------------------------------------------------------- the box


@pytest.fixture(scope="module", params=NAMES)
def net(request):
    return core.load(request.param)


def test_every_card_says_what_the_network_is(net):
    card = net.card
    assert card["title"] and card["summary"].endswith(".")
    assert net.size == tuple(card["size"]) == (64, 64)
    assert len(net.labels) == len(set(net.labels)) == train.CLASSES
    assert net.labels[0] == "goldfish" and all(label.strip() == label != "" for label in net.labels)
    assert [stage.layer in net.layers for stage in core.stages(net)] == [True] * 5
    assert [stage.name for stage in core.stages(net)] == ["conv1", "conv2", "conv3", "conv4", "conv5"]


def test_every_card_tells_how_it_was_trained_and_how_good_it_is(net):
    recipe, accuracy = net.card["recipe"], net.card["accuracy"]
    stage = {key: value for key, value in recipe.items() if key in {f.name for f in dataclasses.fields(train.Stage)}}
    assert stage == {**dataclasses.asdict(train.STAGES[recipe["stage"]]), "crops": stage["crops"]}
    assert tuple(map(tuple, stage["crops"])) == train.STAGES[recipe["stage"]].crops
    assert 0.3 < accuracy["top1"] < accuracy["top5"] < 1


def test_the_standard_network_reaches_what_was_promised():
    standard, robust = (core.card(name)["accuracy"] for name in ("lens5_standard", "lens5_robust"))
    assert standard["top1"] >= 0.52
    assert standard["top1"] - robust["top1"] <= 0.07, "the twin stays within 7 points"
    assert robust["top1_l2_0.5"] > 2 * standard["top1_l2_0.5"]


def test_every_file_is_small_and_of_plain_floats(net):
    assert (zoo.BUNDLED / f"{net.name}.keras").stat().st_size < 10e6
    assert {str(weight.dtype) for weight in net.network.weights} <= {"float16", "float32"}
    assert all(np.isfinite(weight).all() for weight in net.network.get_weights())


def test_every_bundled_network_is_the_one_that_the_script_builds(net):
    built = train.build()
    assert [layer.name for layer in net.network.layers[1:]] == [layer.name for layer in built.layers[1:]]
    assert [w.shape for w in net.network.weights] == [w.shape for w in built.weights]


def test_a_sample_of_the_validation_pictures_gives_the_accuracy_of_the_card(net, shared):
    pictures, labels = train.validation(shared / "tiny_imagenet")
    pictures, labels = core.to_float(pictures[5::10]), labels[5::10]  # five of each class, as hard as all of them
    logits = [core.activations(net, pictures[i : i + 250], [core.LOGITS])[core.LOGITS] for i in range(0, 1000, 250)]
    top1 = (np.concatenate(logits).argmax(1) == labels).mean()
    assert len(labels) == 1000 and top1 == pytest.approx(net.card["accuracy"]["top1"], abs=0.03)


def test_the_label_file_is_in_the_order_of_the_training_data(net, shared):
    rows = (shared / "tiny_imagenet" / "classes.tsv").read_text().splitlines()
    assert net.labels == tuple(row.split("\t")[2] for row in rows)


# ------------------------------------------------------------------------------------------- the script


def test_training_that_was_interrupted_goes_on_as_if_it_had_not_been():
    whole = list(train.batches(RUN, 0, 1000))
    assert [batch[0] for batch in whole] == list(range(0, RUN.pictures, 128))
    for start in (3, 7, 20, 39):
        rest = list(train.batches(RUN, start * 128, 1000))
        assert len(rest) == len(whole) - start
        for one, other in zip(rest, whole[start:], strict=True):
            assert one[0] == other[0] and one[3] == other[3]
            np.testing.assert_array_equal(one[1], other[1])
            np.testing.assert_array_equal(one[2], other[2])


def test_an_epoch_shows_each_picture_once_and_the_next_one_in_another_order():
    epochs = np.array([index for _, index, *_ in train.batches(RUN, 0, 1000)][:14]).reshape(2, -1)
    assert [len(set(epoch)) for epoch in epochs] == [7 * 128] * 2 and epochs.max() < 1000
    assert (epochs[0] != epochs[1]).mean() > 0.9


def test_crops_grow_when_the_recipe_says_so():
    assert [side for *_, side in train.batches(RUN, 0, 1000)] == [48] * 20 + [64] * 20
    early, late = (next(train.batches(RUN, seen, 1000))[2] for seen in (0, 20 * 128))
    assert (early[:, 2] - early[:, 0]).min() < 0.7 < np.sqrt(0.7) <= (late[:, 2] - late[:, 0]).min() + 1e-6


def test_crop_boxes_are_square_inside_large_enough_and_half_of_them_mirrored():
    boxes = train.crop_boxes(np.random.default_rng(0), 4000, 48, 0.35)
    top, left, bottom, right = boxes.T
    assert boxes.shape == (4000, 4) and boxes.dtype == np.float32 and boxes.min() >= 0 and boxes.max() <= 1
    np.testing.assert_allclose(bottom - top, np.abs(right - left), atol=1e-6)
    assert 0.35 - 1e-5 <= ((bottom - top) ** 2).min() < 0.36 and (bottom > top).all()
    assert (right < left).mean() == pytest.approx(0.5, abs=0.03)
    assert top.max() > 0.3 and np.minimum(left, right).max() > 0.3


@pytest.mark.parametrize("side", [48, 64])
def test_crops_without_an_area_are_the_picture_s_own_pixels(side):
    boxes = train.crop_boxes(np.random.default_rng(0), 500, side, None)
    pictures = np.random.default_rng(1).integers(0, 256, (500, 64, 64, 3)).astype(np.float32)
    crops = tf.image.crop_and_resize(pictures, boxes, np.arange(500), (side, side), extrapolation_value=train.GREY)
    framed = np.pad(pictures, ((0, 0), (8, 8), (8, 8), (0, 0)), constant_values=train.GREY)
    offsets = np.round(boxes * 63).astype(int)
    assert offsets[:, 0].min() == -train.SHIFT and offsets[:, 0].max() == 64 - side + train.SHIFT
    for crop, frame, (top, left, _, right) in zip(crops.numpy(), framed, offsets, strict=True):
        first = min(left, right) + 8
        own = frame[top + 8 : top + 8 + side, first : first + side]
        np.testing.assert_allclose(crop, own if left < right else own[:, ::-1], atol=0.5)


@pytest.mark.parametrize("stage", train.STAGES.values(), ids=train.STAGES)
def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing(stage):
    rates = [train.learning_rate(stage, seen) for seen in np.linspace(0, stage.pictures, 201)]
    top = int(np.argmax(rates))
    assert max(rates) == pytest.approx(stage.peak, rel=0.02) and 0 < top < 40
    assert (np.diff(rates[: top + 1]) > 0).all() and (np.diff(rates[top:]) < 0).all()
    assert 0 < rates[0] < 0.01 * stage.peak and 0 < rates[-1] < 0.01 * stage.peak


def small_network():
    keras.utils.set_random_seed(2)
    network = train.build()
    network.get_layer("drop").rate = 0.0  # what it drops differs from call to call
    return network


def pixels(count=6, side=32):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3)).astype(np.float32)


def test_fused_batch_normalization_is_what_keras_does():
    ours, theirs, x = small_network(), small_network(), tf.constant(pixels())
    logits = train.logits_of(ours, x, training=True)
    ends = keras.Model(theirs.inputs, theirs.get_layer("logits").output)
    np.testing.assert_allclose(logits, ends(x, training=True), rtol=1e-2, atol=1e-3)
    moved = 0
    for layer in (layer for layer in ours.layers if isinstance(layer, keras.layers.BatchNormalization)):
        other = theirs.get_layer(layer.name)
        np.testing.assert_allclose(layer.moving_mean, other.moving_mean, rtol=1e-2, atol=1e-4)
        count = 6 * (32 >> int(layer.name[4]) - 1) ** 2  # fused: the variance of a sample, n / (n - 1) times as large
        step = (layer.moving_variance - 0.95) * (count - 1) / count
        np.testing.assert_allclose(step, other.moving_variance - 0.95, rtol=1e-2, atol=1e-4)
        moved += float(np.abs(layer.moving_variance - 1).max() > 1e-3)
    assert moved == 8


def test_without_training_the_logits_are_those_of_the_network_and_nothing_moves():
    network, x = small_network(), pixels(2)
    before = network.get_weights()
    logits = train.logits_of(network, x, training=False)
    np.testing.assert_allclose(tf.nn.softmax(logits), network(x), rtol=1e-3, atol=1e-6)
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="Expected a network that ends in a layer named 'predictions'"):
        train.logits_of(keras.Model(network.inputs, network.get_layer("gap").output), x, training=False)


def test_cross_entropy_by_hand():
    logits = np.random.default_rng(0).normal(size=(3, train.CLASSES)).astype(np.float32)
    labels = np.array([4, 0, 199])
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    target = np.eye(train.CLASSES)[labels] * 0.9 + 0.1 / train.CLASSES
    assert float(train.cross_entropy(logits, labels)) == pytest.approx(-(target * log).sum(1).mean(), rel=1e-5)


@pytest.mark.parametrize("radius", [0.3, 2.0])
def test_an_adversarial_step_stays_in_the_ball_and_raises_the_loss(radius):
    tf.random.set_seed(0)
    network, x, labels = small_network(), tf.constant(pixels(4) * 0.5 + 64), tf.constant([0, 1, 2, 3])
    moved = train.l2_attack(network, x, labels, radius)
    distance = np.sqrt(((moved - x).numpy() ** 2).sum((1, 2, 3))) / 255
    assert moved.shape == x.shape and moved.numpy().min() >= 0 and moved.numpy().max() <= 255
    assert (distance <= radius * 1.001).all() and (distance > radius * 0.8).all()

    def loss(pictures):
        return float(train.cross_entropy(train.logits_of(network, pictures, training=False), labels))

    assert loss(moved) > loss(x)


def test_a_training_step_lowers_the_loss():
    network = small_network()
    optimizer = keras.optimizers.SGD(0.02)
    optimizer.build(network.trainable_variables)
    step = train.training_step(network, optimizer, radius=0.0)
    pictures = np.repeat(pixels(8, 64), 1, 0).astype(np.uint8)
    boxes = np.tile(np.float32([0, 0, 1, 1]), (8, 1))
    losses = [float(step(pictures, boxes, 32, np.arange(8, dtype=np.int32))) for _ in range(4)]
    assert losses[-1] < losses[0] - 0.1


def test_sheets_are_cut_into_pictures_in_order(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(train, "CLASSES", 2)
    for index in range(2):
        sheet = np.zeros((128, 192, 3), np.uint8)
        for row in range(2):
            for column in range(3):
                sheet[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64] = 100 * index + 10 * (row * 3 + column)
        Image.fromarray(sheet).save(tmp_path / f"{index:03d}_thing.jpg", quality=100)
    pictures, labels = train.sheets(tmp_path, 3, 2)
    assert pictures.shape == (12, 64, 64, 3) and labels.tolist() == [0] * 6 + [1] * 6
    means = pictures.mean((1, 2, 3))
    np.testing.assert_allclose(means, [0, 10, 20, 30, 40, 50, 100, 110, 120, 130, 140, 150], atol=1.5)
    (tmp_path / "001_thing.jpg").unlink()
    with pytest.raises(ValueError, match=r"Expected 2 sheets NNN_name\.jpg in .*, got 1"):
        train.sheets(tmp_path, 3, 2)
