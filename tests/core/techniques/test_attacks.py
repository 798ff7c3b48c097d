"""Attacks: closed forms on a linear network, balls that hold after rounding, minimal changes, and refusals."""

from __future__ import annotations

import io
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812
from PIL import Image

import core
from core.optimize.objectives import CrossEntropy, Margin
from core.techniques.attacks.norms import _within_l1

NAMES = list(core.ATTACKS)
FAST = {"deepfool", "few_pixels"}
ALONE = [name for name, one in core.ATTACKS.items() if not one.many]
BALLS = [(name, norm) for name, one in core.ATTACKS.items() for norm in one.norms if not one.many]


@pytest.fixture(scope="module")
def net():
    return core.load("lens5_standard")


@pytest.fixture(scope="module")
def photos(net):
    """Four photographs as the network sees them, on the 8-bit grid, and what it says of them."""
    names = core.samples.names()[:4]
    seen = np.concatenate([core.seen_by(net, core.samples.load(name)) for name in names])
    seen = core.to_float(core.to_uint8(seen))
    return seen, core.logits_of(net, seen).argmax(axis=1)


@pytest.fixture(scope="module")
def flat():
    """Three logits that are linear in the pixels of a 24 x 40 picture, and so weak that softmax hardly bends."""
    keras.utils.set_random_seed(5)
    image = keras.Input((24, 40, 3), name="image")
    start = keras.initializers.RandomNormal(0, 0.02)
    logits = L.Dense(3, kernel_initializer=start, name="logits")(L.Flatten(name="flat")(image))
    return core.classifier(keras.Model(image, logits, name="flat"), name="flat", labels=["red", "green", "blue"])


@pytest.fixture(scope="module")
def grey():
    """Two pictures of mid grey and a little noise, far from the edges of [0, 1]."""
    noise = np.random.default_rng(0).integers(-30, 30, (2, 24, 40, 3))
    return ((128 + noise) / 255).astype(np.float32)


def rows(flat):
    """The weights of each class as a picture (3, 24, 40, 3)."""
    kernel, _ = flat.network.get_layer("logits").get_weights()
    return kernel.T.reshape(3, 24, 40, 3)


def slope(flat, pictures, labels):
    """The gradient of the cross-entropy with respect to the pictures, by hand."""
    probabilities = np.exp(core.logits_of(flat, pictures))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return np.einsum("nk,khwc->nhwc", probabilities - np.eye(3)[labels], rows(flat))


def run(function, *args, **settings):
    return core.last(function(*args, **settings)).images.numpy()


def test_fgsm_is_the_sign_of_the_gradient(flat, grey):
    labels = core.logits_of(flat, grey).argmax(axis=1)
    found = run(core.fgsm, flat, grey, labels, epsilon=8 / 255)
    np.testing.assert_allclose(found, grey + 8 / 255 * np.sign(slope(flat, grey, labels)), atol=1e-6)
    toward = run(core.fgsm, flat, grey, (labels + 1) % 3, epsilon=8 / 255, targeted=True)
    np.testing.assert_allclose(toward, grey - 8 / 255 * np.sign(slope(flat, grey, (labels + 1) % 3)), atol=1e-6)


def test_fgsm_in_l2_is_the_gradient_itself(flat, grey):
    labels = core.logits_of(flat, grey).argmax(axis=1)
    way = slope(flat, grey, labels)
    way /= np.sqrt(np.square(way).sum(axis=(1, 2, 3), keepdims=True))
    found = run(core.fgsm, flat, grey, labels, epsilon=2.0, norm="l2", on_grid=False)
    np.testing.assert_allclose(found, grey + 2.0 * way, atol=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_fgsm_is_pgd_with_one_step(net, photos, norm):
    radius = {"linf": 4 / 255, "l2": 1.0, "l1": 30.0}[norm]
    one = run(core.fgsm, net, *photos, epsilon=radius, norm=norm)
    same = run(core.pgd, net, *photos, epsilon=radius, norm=norm, steps=1, step_size=radius, random_start=False)
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(("norm", "radius"), [("linf", 6 / 255), ("l2", 1.5), ("l1", 20.0)])
def test_pgd_finds_the_best_change_of_a_linear_network(flat, grey, norm, radius):
    two = core.classifier(flat.network, name="two", labels=flat.labels)
    labels = core.logits_of(two, grey).argmax(axis=1)
    found = run(core.pgd, two, grey, labels, epsilon=radius, norm=norm, steps=60, step_size=radius / 10, on_grid=False)
    way = slope(two, found, labels)
    gain = ((found - grey) * way).sum(axis=(1, 2, 3))
    dual = {"linf": np.abs(way).sum((1, 2, 3)), "l2": np.sqrt(np.square(way).sum((1, 2, 3))),
            "l1": np.abs(way).max((1, 2, 3))}[norm]  # fmt: skip
    assert (core.distance(found, grey, norm) <= radius * 1.001).all()
    assert (gain > {"linf": 0.98, "l2": 0.98, "l1": 0.5}[norm] * radius * dual).all(), "nearly what Hoelder allows"


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_deepfool_goes_straight_to_the_nearest_border(flat, grey, norm):
    logits = core.logits_of(flat, grey)
    labels = logits.argmax(axis=1)
    found = run(core.deepfool, flat, grey, labels, norm=norm, on_grid=False)
    ways = rows(flat)[None] - rows(flat)[labels][:, None]
    dual = {"l2": np.sqrt(np.square(ways).sum((2, 3, 4))), "linf": np.abs(ways).sum((2, 3, 4))}[norm]
    gaps = np.abs(logits - logits[np.arange(2), labels][:, None])
    nearest = np.where(dual > 0, gaps / np.maximum(dual, 1e-9), np.inf).min(axis=1)
    np.testing.assert_allclose(core.distance(found, grey, norm), 1.02 * nearest, rtol=0.02)
    assert core.fools(flat, found, labels).all()


def test_carlini_wagner_is_no_further_than_the_border(flat, grey):
    logits = core.logits_of(flat, grey)
    labels = logits.argmax(axis=1)
    exact = run(core.deepfool, flat, grey, labels, overshoot=0.0001, on_grid=False)
    settings = {"steps": 300, "searches": 6, "constant": 1.0, "step_size": 0.001}
    found = run(core.carlini_wagner, flat, grey, labels, **settings, on_grid=False)
    assert core.fools(flat, found, labels).all()
    assert (core.distance(found, grey, "l2") < 1.1 * core.distance(exact, grey, "l2")).all()


@pytest.mark.parametrize(("name", "norm"), BALLS)
def test_the_file_lies_inside_the_ball(net, photos, name, norm):
    pictures, labels = photos
    for radius in {"linf": (0.5 / 255, 3 / 255), "l2": (0.3, 2.0), "l1": (3.0, 60.0)}[norm]:
        settings = {"epsilon": radius} | ({"norm": norm} if name != "square" else {"steps": 40})
        found = run(core.attack, net, name, pictures, labels, **settings)
        levels = found * 255
        assert np.abs(levels - np.rint(levels)).max() < 1e-3, "on the 8-bit grid"
        assert (core.distance(found, pictures, norm) <= radius * (1 + 1e-4)).all()
        assert 0 <= found.min() <= found.max() <= 1
        assert found.dtype == np.float32


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_rounding_stays_near_and_inside(norm):
    rng = np.random.default_rng(0)
    origin = (rng.integers(0, 256, (3, 9, 8, 3)) / 255).astype(np.float32)
    change = rng.normal(0, 2 / 255, origin.shape).astype(np.float32)
    moved = np.clip(origin + change, 0, 1)
    radius = core.distance(moved, origin, norm) * np.array([0.9, 1.0, 3.0], np.float32)
    found = core.rounded(moved, origin, norm=norm, epsilon=radius)
    assert (core.distance(found, origin, norm) <= radius * (1 + 1e-4)).all()
    np.testing.assert_allclose(found[2], np.rint(moved[2] * 255) / 255, atol=1e-6)
    assert (core.distance(found, origin, norm)[:2] > 0.9 * np.floor(radius[:2] * 255) / 255).all(), (
        "not further in than needed"
    )


def test_projection_onto_l1_is_the_nearest_point():
    change = tf.constant(np.random.default_rng(1).normal(0, 1, (2, 3, 4, 3)).astype(np.float32))
    inside = _within_l1(change, tf.fill((2, 1, 1, 1), 5.0)).numpy()
    np.testing.assert_allclose(np.abs(inside).sum(axis=(1, 2, 3)), 5.0, rtol=1e-5)
    kept = inside != 0
    for one, before, on in zip(inside, change.numpy(), kept, strict=True):
        shrink = np.abs(before[on]) - np.abs(one[on])
        assert np.ptp(shrink) < 1e-5 and (np.abs(before[~on]) <= shrink.mean() + 1e-5).all()
    same = _within_l1(change, tf.fill((2, 1, 1, 1), 1e3)).numpy()
    np.testing.assert_allclose(same, change.numpy(), atol=1e-6)


QUICK = {
    "patch": {"steps": 60},
    "few_pixels": {"steps": 15, "population": 60},
    "carlini_wagner": {"steps": 60, "searches": 2},
    "square": {"steps": 200},
    "universal": {"steps": 20},
}
"""Settings with which an attack is quick enough for a test."""


@pytest.mark.parametrize("name", NAMES)
def test_every_attack_raises_its_loss_and_leaves_its_input(net, photos, name):
    pictures, labels = photos[0][:2], photos[1][:2]
    before = pictures.copy()
    attack = core.ATTACKS[name]
    goals = labels if attack.targeted is not None else np.array([30, 30])
    quick = QUICK.get(name, {})
    frames = list(core.attack(net, name, pictures, goals, **quick))
    last = frames[-1].images.numpy()[:2]
    assert np.array_equal(pictures, before)
    assert last.shape == pictures.shape and np.isfinite(last).all()
    measure = -CrossEntropy() if name == "patch" else Margin()
    old, new = (core.score(net, measure, x, goals).numpy() for x in (pictures, last))
    assert (new > old).all()
    assert frames[-1].progress == 1.0 and frames[-1].curve.shape[1] >= 2


SLOWEST = pytest.param("carlini_wagner", marks=pytest.mark.slow)


@pytest.mark.parametrize("name", ["bim", "pgd", "mifgsm", "deepfool", SLOWEST, "square", "universal"])
def test_the_standard_network_is_fooled_from_the_file(net, photos, name):
    pictures, labels = photos
    settings = {"steps": 150, "searches": 4} if name == "carlini_wagner" else {}  # as on the page
    found = core.last(core.attack(net, name, pictures, labels, **settings)).images.numpy()[: len(pictures)]
    files = [core.encode_png(picture) for picture in found]
    read = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB"), np.float32)[None] / 255 for file in files]
    answers = np.concatenate([core.logits_of(net, picture) for picture in read]).argmax(axis=1)
    assert (answers != labels).mean() >= 0.75
    assert np.array_equal(answers != labels, core.fools(net, found, labels)), "what was judged is what was saved"


TARGETED = [name for name in ALONE if core.ATTACKS[name].targeted and name not in ("few_pixels", "carlini_wagner")]


@pytest.mark.parametrize("name", [*TARGETED, SLOWEST])
def test_targeted_attacks_lead_to_their_target(net, photos, name):
    pictures, labels = photos[0][:2], photos[1][:2]
    goals = np.argsort(-core.logits_of(net, pictures), axis=1)[:, 3]
    found = core.last(core.attack(net, name, pictures, goals, targeted=True)).images.numpy()
    old, new = (core.score(net, -Margin(), x, goals).numpy() for x in (pictures, found))
    assert (new > old).all()
    if name in ("pgd", "carlini_wagner"):
        assert core.fools(net, found, goals, targeted=True).all()
        assert core.fools(net, found, labels).all()


@pytest.mark.slow
def test_minimal_attacks_need_less_than_balls(net, photos):
    pictures, labels = photos[0][::3], photos[1][::3]
    ball = core.last(core.pgd(net, pictures, labels, norm="l2", epsilon=2.0)).images.numpy()
    near = core.last(core.deepfool(net, pictures, labels)).images.numpy()
    nearer = core.last(core.attack(net, "carlini_wagner", pictures, labels)).images.numpy()
    far = [core.distance(x, pictures, "l2") for x in (ball, near, nearer)]
    assert [core.fools(net, x, labels).mean() for x in (ball, near, nearer)] == [1, 1, 1]
    assert far[1].mean() < far[0].mean() and far[2].mean() < 1.1 * far[1].mean()


def test_whoever_stops_early_has_pictures_inside_the_ball(net, photos):
    pictures, labels = photos
    frame = next(iter(core.pgd(net, pictures, labels, epsilon=0.5 / 255, steps=500)))
    assert frame.step < frame.total
    np.testing.assert_array_equal(frame.images.numpy(), pictures)


def test_the_last_generation_counts(net, photos):
    pictures, labels = photos[0][:1], photos[1][:1]
    curve = core.last(core.few_pixels(net, pictures, labels, population=60, steps=1)).curve.numpy()
    assert len(curve) == 3, "before, the random start, and its children"


@pytest.mark.parametrize(("norm", "usual"), [("l1", 2.0), ("l2", 0.1)])
def test_minimal_epsilon_is_fine_in_other_norms(net, photos, norm, usual):
    picture, label = photos[0][1:2], photos[1][1:2]
    assert core.fools(net, run(core.pgd, net, picture, label, norm=norm, epsilon=usual), label).all()
    assert core.minimal_epsilon(net, picture, label, norm=norm)[0] < 1.2 * usual


def test_few_pixels_changes_few_pixels(net, photos):
    pictures, labels = photos[0][:1], photos[1][:1]
    for count in (1, 5):
        found = core.last(core.few_pixels(net, pictures, labels, pixels=count, population=40, steps=6))
        assert core.distance(found.images.numpy(), pictures, "l0") <= count
        assert (np.diff(found.curve.numpy()[1:, 0]) >= 0).all(), "the best only gets better"


def test_universal_change_is_one_for_all(net, photos):
    pictures, labels = photos
    found = run(core.universal, net, 0.25 + pictures / 2, labels, epsilon=10 / 255, steps=30, on_grid=False)
    change = found - (0.25 + pictures / 2)
    np.testing.assert_allclose(change, np.repeat(change[:1], len(change), axis=0), atol=1e-6)
    assert np.abs(change).max() <= 10 / 255 + 1e-6


def test_patch_covers_a_disc_and_means_its_class(net, photos):
    pictures = photos[0]
    goal = np.full(len(pictures), 30)
    frame = core.last(core.patch(net, pictures, goal, steps=150, scales=(0.5, 0.6)))
    stuck, sticker = frame.images.numpy(), frame.state.parameters[0][0].numpy()
    touched = (np.abs(stuck - pictures) > 0.01).any(axis=-1)
    assert 0.1 < touched.mean() < 0.4 and sticker.shape == (64, 64, 3)
    assert core.fools(net, stuck, goal, targeted=True).mean() >= 0.75


def test_minimal_epsilon_is_where_it_begins_to_fool(net, photos):
    pictures, labels = photos[0][:2], photos[1][:2]
    least = core.minimal_epsilon(net, pictures, labels)
    assert np.allclose(least * 255, np.rint(least * 255), atol=1e-3) and (least > 0).all()
    found = run(core.pgd, net, pictures, labels, epsilon=least)
    assert core.fools(net, found, labels).all()
    assert core.minimal_epsilon(net, pictures, (labels + 1) % 200).max() == 0, "what is already wrong needs nothing"
    robust = core.load("lens5_robust")
    own = core.logits_of(robust, pictures).argmax(axis=1)
    assert core.minimal_epsilon(robust, pictures, own).mean() > 1.5 * least.mean()


def test_epsilon_curves_begin_sure_and_fall(net, photos):
    picture, label = photos[0][:1], int(photos[1][0])
    epsilons = [0.5 / 255, 1 / 255, 4 / 255, 16 / 255]
    curves = core.epsilon_curve(net, picture, label, epsilons)
    clean = core.predict(net, picture, top=1)[0][0][1]
    for name, sure in curves.items():
        assert sure.shape == (4,) and sure[0] == pytest.approx(clean, abs=1e-3), "half a step rounds to nothing"
        if name not in ("fgsm", "mifgsm"):
            continue  # one starts at random, the other takes as many steps as the largest epsilon asks for
        alone = run(core.attack, net, name, picture, [label], epsilon=4 / 255)
        assert sure[2] == pytest.approx(np.exp(-core.score(net, CrossEntropy(), alone, [label])[0]), abs=0.05)
    assert curves["pgd"][-1] < 0.01 < clean
    with pytest.raises(ValueError, match="attacks among fgsm, bim, pgd and mifgsm, got 'square'"):
        core.epsilon_curve(net, picture, label, epsilons, names=["square"])


def test_a_radius_of_its_own_for_each_picture(net, photos):
    picture, label = photos[0][:1], photos[1][:1]
    radii = np.array([1, 4, 16], np.float32) / 255
    many = run(core.pgd, net, np.repeat(picture, 3, axis=0), np.repeat(label, 3), epsilon=radii)
    np.testing.assert_allclose(np.abs(many - picture).max(axis=(1, 2, 3)), radii, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("pgd", {"steps": 3}), ("pgd", {"step_size": 0.02}), ("pgd", {"random_start": False}), ("pgd", {"seed": 9}),
        ("mifgsm", {"momentum": 0.0}), ("deepfool", {"overshoot": 0.3}), ("carlini_wagner", {"confidence": 3.0}),
        ("square", {"fraction": 0.8}), ("few_pixels", {"pixels": 3, "population": 20, "steps": 2}),
    ],
)  # fmt: skip
def test_options_that_should_differ_differ(net, photos, name, change):
    pictures, labels = photos[0][:1], photos[1][:1]
    base = {"population": 20, "steps": 2} if name == "few_pixels" else QUICK.get(name, {})
    usual, other = (run(core.attack, net, name, pictures, labels, **{**base, **more}) for more in ({}, change))
    assert not np.array_equal(usual, other)


@pytest.mark.parametrize("name", ["pgd", "square", "few_pixels"])
def test_same_seed_same_change(net, photos, name):
    pictures, labels = photos[0][:1], photos[1][:1]
    quick = {"population": 20} if name == "few_pixels" else {"epsilon": 1 / 255}
    one, same = (run(core.attack, net, name, pictures, labels, steps=4, **quick) for _ in range(2))
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("style", ["tiny", "linear"])
def test_other_sizes_and_shapes(request, style):
    net = request.getfixturevalue(style)
    pictures = np.random.default_rng(2).random((2, 24, 40, 3), dtype=np.float32)
    labels = core.logits_of(net, pictures).argmax(axis=1)
    for name in ("pgd", "deepfool", "square"):
        assert core.last(core.attack(net, name, pictures, labels, steps=5)).images.shape == pictures.shape


def test_one_trace_for_all_radii_and_targets(tiny):
    pictures = np.random.default_rng(2).random((2, 23, 41, 3), dtype=np.float32)
    before = len(tiny.kept)
    for radius, labels in ((0.01, [0, 1]), (0.03, [2, 3]), (0.2, [4, 4])):
        core.last(core.pgd(tiny, pictures, labels, epsilon=radius, steps=3))
    keys = [key for key in tiny.kept if key[0] == "step" and "ProjectedStep" in repr(key)]
    steps = [tiny.keep(key, list) for key in keys]
    assert len(tiny.kept) - before <= 4
    assert steps
    assert [one.experimental_get_tracing_count() for one in steps] == [1] * len(steps)


@pytest.mark.parametrize("name", core.DEFENCES)
def test_defences_keep_the_picture_and_change_the_noise(net, photos, name):
    pictures, labels = photos
    found = run(core.fgsm, net, pictures, labels, epsilon=2 / 255)
    clean, after = core.defended(pictures, name), core.defended(found, name)
    assert clean.shape == pictures.shape and clean.dtype == np.float32 and 0 <= clean.min() <= clean.max() <= 1
    assert 0 < np.abs(clean - pictures).mean() < 0.06
    assert not np.array_equal(after, found)
    if name == "tv":
        assert np.abs(after - clean).mean() < 0.8 * np.abs(found - pictures).mean()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pictures": np.zeros((3, 3))}, r"pictures \(N, H, W, 3\)"),
        ({"pictures": np.full((1, 24, 40, 3), np.nan)}, "finite values from 0 to 1"),
        ({"pictures": np.full((1, 24, 40, 3), 1.5)}, "finite values from 0 to 1"),
        ({"labels": [5]}, "labels from 0 to 4, got 5"),
        ({"labels": [0, 1]}, "Expected 1 labels"),
        ({"labels": [0.5]}, "Expected 1 labels"),
        ({"epsilon": 0.0}, "epsilon above 0"),
        ({"epsilon": np.nan}, "epsilon above 0"),
        ({"norm": "l3"}, "There is no norm 'l3'; there is linf, l2, l1"),
        ({"steps": 0}, "steps from 1 to 20000"),
        ({"steps": 10**6}, "steps from 1 to 20000"),
        ({"steps": "10", "name": "mifgsm"}, "steps from 1 to 20000"),
        ({"seed": 1.5}, "seed from 0"),
        ({"epsilon": "8"}, "epsilon above 0"),
        ({"norm": ["l2"]}, "There is no norm"),
        ({"name": "deepfool", "overshoot": np.nan}, "overshoot from 0 to 10"),
        ({"name": "square", "epsilon": [0.1, 0.2]}, "epsilon from 1e-09 to 1"),
        ({"name": "zap"}, "There is no attack 'zap'; there is fgsm"),
        ({"name": "deepfool", "norm": "l1"}, "norm 'l2' or 'linf'"),
        ({"name": "mifgsm", "momentum": 2.0}, "momentum from 0 to 1"),
        ({"name": "few_pixels", "pixels": 0}, "pixels from 1 to 100"),
        ({"name": "square", "fraction": 0.0}, "fraction from 1e-06 to 1"),
        ({"name": "patch", "scales": (0.9, 0.2)}, "scales from 0.1 to 1"),
        ({"name": "carlini_wagner", "confidence": -1.0}, "confidence from 0 to 1000"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_impossible_wishes_get_one_sentence(tiny, settings, sentence):
    settings = {"pictures": np.full((1, 24, 40, 3), 0.5), "labels": [0], "name": "pgd", **settings}
    pictures, labels, name = (settings.pop(key) for key in ("pictures", "labels", "name"))
    with pytest.raises(ValueError, match=sentence) as refusal:
        core.attack(tiny, name, pictures, labels, **settings)
    assert "\n" not in str(refusal.value)


def test_networks_that_cannot_be_attacked_say_so(tiny, linear):
    with pytest.raises(ValueError, match="the only size at which linear answers, got 8 x 8"):
        core.pgd(linear, np.zeros((1, 8, 8, 3)), [0])
    headless = replace(tiny, labels=(), name="headless")
    with pytest.raises(ValueError, match="a network with classes, got headless"):
        core.pgd(headless, np.zeros((1, 24, 40, 3)), [0])
    with pytest.raises(ValueError, match="There is no defence 'prayer'"):
        core.defended(np.zeros((1, 8, 8, 3)), "prayer")
