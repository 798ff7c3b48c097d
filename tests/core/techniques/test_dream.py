"""Dreams: published steps, octaves, tiles without seams, masks, guides, videos, and what is refused."""

from __future__ import annotations

import base64
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import core
from core.optimize.ascent import gradient
from core.optimize.objectives import Energy, FeatureMatch, Sum
from core.techniques.dream.octaves import octave_sizes
from core.techniques.dream.tiles import cuts as cuts_of

MIX = {"conv1_relu": 1.0, "conv2_relu": 2.0}


@pytest.fixture(scope="module")
def net():
    return core.load("lens5_standard")


@pytest.fixture(scope="module")
def photo():
    return core.shrink(core.samples.load("coffee"), max_side=150)


@pytest.fixture(params=[(48, 80), (47, 81)], ids="{0[0]}x{0[1]}".format)
def own(request):
    return core.fit(core.samples.load("cat"), height=request.param[0], width=request.param[1])


def run(*args, **settings):
    return core.last(core.dream(*args, **settings))


def image(frame):
    return frame.images.numpy()


@pytest.mark.parametrize("preset", core.DREAMS)
def test_every_preset_dreams(tiny, own, preset):
    before = own.copy()
    frames = list(core.dream(tiny, own, MIX, preset=preset, steps=4))
    last = image(frames[-1])
    assert last.shape == own.shape and np.isfinite(last).all() and last.min() >= 0 and last.max() <= 1
    measure = Sum(tuple((weight, Energy(layer)) for layer, weight in MIX.items()))
    before_score, after_score = (float(core.score(tiny, measure, x, [0])[0]) for x in (own, last))
    assert after_score > 1.05 * before_score
    assert np.array_equal(own, before), "the picture that came in is as it was"
    progress = [frame.progress for frame in frames]
    assert progress == sorted(progress) and progress[-1] == 1.0
    assert all(frame.images.shape[-1] == 3 for frame in frames)


def test_a_step_is_the_published_one(tiny, own):
    preset = replace(core.DREAMS["keras"], jitter=0, ceiling=None)
    dreamed = image(run(tiny, own, {"conv2_relu": 1.0}, preset=preset, steps=1, octaves=1))
    with tf.GradientTape() as tape:
        x = tf.constant(own)
        tape.watch(x)
        units = tiny.forward(["conv2_relu"])(x)["conv2_relu"]
        loss = tf.reduce_sum(tf.square(units[:, 2:-2, 2:-2])) / tf.cast(tf.size(units), tf.float32)
    slope = tape.gradient(loss, x).numpy()
    np.testing.assert_allclose(dreamed, np.clip(own + 0.005 * slope / np.abs(slope).mean(), 0, 1), atol=1e-4)


def test_lost_detail_comes_back(tiny, photo):
    quiet = image(run(tiny, photo, MIX, step_size=1e-6, octaves=4, steps=1))
    np.testing.assert_allclose(quiet, photo, atol=1e-3)
    blurred = image(run(tiny, photo, MIX, preset=replace(core.DREAMS["tensorflow"], step_size=1e-6), steps=1))
    assert np.abs(blurred - photo).mean() > 5 * np.abs(quiet - photo).mean()


def test_same_seed_same_dream(tiny, own):
    one, same, other = (image(run(tiny, own, MIX, steps=2, seed=seed)) for seed in (3, 3, 4))
    assert np.array_equal(one, same) and not np.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"octaves": 1}, {"ratio": 1.9}, {"step_size": 0.03}, {"normalize": "std"}, {"jitter": 0}, {"channels": [2]},
        {"keep_colours": True}, {"preset": "google"},
    ],
    ids=str,
)  # fmt: skip
def test_options_that_should_differ_differ(tiny, photo, change):
    usual, other = (image(run(tiny, photo, MIX, **{"steps": 3, **settings})) for settings in ({}, change))
    assert np.abs(usual - other).mean() > 1e-3


@pytest.mark.parametrize("layer", [pytest.param("conv3_2_relu", marks=pytest.mark.slow), "conv4_2_relu"])
def test_tiled_and_untiled_are_the_same_dream(net, photo, layer):
    large = core.resize(photo, height=300, width=421)
    settings = {"layers": {layer: 1.0}, "octaves": 1, "steps": 6, "seed": 5}
    whole, tiled = (image(run(net, large, **settings, tile=tile)) for tile in (512, 96))
    assert np.abs(whole - tiled).mean() < 0.1 * np.abs(whole - large).mean()
    for axis in (1, 2):  # along a seam, neighbours would differ more in the tiled dream than anywhere in the other
        jumps = [np.abs(np.diff(x - large, axis=axis)).mean(axis=(0, 3 - axis, 3)) for x in (whole, tiled)]
        assert jumps[1].max() < 1.1 * jumps[0].max()


@pytest.mark.parametrize("side", [32, 96, 97, 143, 145, 400, 1001])
def test_tiles_cover_everything_once(side):
    for seed in range(20):
        cuts = cuts_of(side, 96, np.random.default_rng(seed))
        assert cuts[0][0] == 0 and cuts[-1][1] == side
        assert all(a[1] == b[0] for a, b in itertools.pairwise(cuts))
        assert max(end - start for start, end in cuts) <= 1.5 * 96 and all(start % 32 == 0 for start, _ in cuts)
        assert len(cuts) == 1 or min(end - start for start, end in cuts) >= 96 // 3


def test_brightness_does_not_drift_and_edges_are_like_the_middle(net, photo):
    dreamed = image(run(net, photo))
    assert abs(float(dreamed.mean() - photo.mean())) < 0.02
    change = np.abs(dreamed - photo).mean(axis=(0, 3))
    edge = np.concatenate([change[:3].ravel(), change[-3:].ravel(), change[:, :3].ravel(), change[:, -3:].ravel()])
    assert 0.4 < edge.mean() / change.mean() < 1.6


def test_mask_keeps_what_it_covers(tiny, photo):
    mask = np.zeros(photo.shape[1:3], np.float32)
    mask[:, :60] = 1
    dreamed = image(run(tiny, photo, MIX, mask=mask))
    np.testing.assert_allclose(dreamed[:, :, 90:], photo[:, :, 90:], atol=1e-5)
    assert np.abs(dreamed[:, :, :50] - photo[:, :, :50]).mean() > 0.02


def test_a_small_mask_changes_its_part_as_much_as_no_mask_does(tiny, photo):
    mask = np.zeros(photo.shape[1:3], np.float32)
    mask[40:60, 60:80] = 1
    free, masked = (image(run(tiny, photo, MIX, octaves=2, steps=4, mask=one)) for one in (None, mask))
    part = np.s_[:, 42:58, 62:78]
    assert 0.3 < np.abs(masked - photo)[part].mean() / np.abs(free - photo)[part].mean() < 3


def test_guide_and_mean_look_at_the_chosen_channels_only(tiny, photo):
    guide = core.shrink(core.samples.load("flower"), max_side=96)
    for settings in ({"guide": guide}, {"preset": "tensorflow"}):
        every, one = (image(run(tiny, photo, MIX, steps=1, channels=c, **settings)) for c in ((), (1,)))
        assert np.abs(every - one).mean() > 1e-4


def test_painted_cells_become_a_mask():
    bits = np.zeros((32, 32), np.uint8)
    bits[:16] = 1
    cells = base64.urlsafe_b64encode(np.packbits(bits).tobytes()).decode()
    mask = core.painted_mask(cells, height=64, width=90)
    assert mask.shape == (64, 90) and mask[:28].min() > 0.99 and mask[36:].max() < 0.01
    for wrong in ("", "%%%", cells[:-4], cells * 2):
        with pytest.raises(ValueError, match="Expected a mask of 32 x 32 painted cells"):
            core.painted_mask(wrong, height=4, width=4)


def test_colours_stay(tiny, photo):
    dreamed = image(run(tiny, photo, MIX, keep_colours=True))
    change = dreamed - photo
    inside = ((dreamed > 0) & (dreamed < 1)).all(axis=-1)
    assert np.ptp(change[inside], axis=-1).max() < 1e-5 and np.abs(change).mean() > 0.01


def test_guide_draws_toward_its_own_features(net, photo):
    guide = core.shrink(core.samples.load("flower"), max_side=96)
    layer = "conv4_2_relu"
    guided = image(run(net, photo, {layer: 1.0}, guide=guide, octaves=2))
    features = net.tap([layer])(guide)[layer].numpy()
    likeness = FeatureMatch(layer, features.reshape(-1, features.shape[-1]))
    scores = [float(core.score(net, likeness, x, [0])[0]) for x in (photo, guided)]
    assert scores[1] > 1.2 * scores[0]
    assert np.abs(guided - image(run(net, photo, {layer: 1.0}, octaves=2))).mean() > 0.01


def test_one_trace_for_all_octaves_pictures_and_runs(tiny, own, photo):
    measure = gradient(tiny, Sum(((1.0, Energy("conv2_relu")),)))
    for picture in (own, photo, photo[:, :, ::-1]):
        run(tiny, picture, {"conv2_relu": 1.0}, preset="google", steps=2)
    assert measure.experimental_get_tracing_count() == 1


def test_a_stopped_dream_is_a_picture_and_goes_on(tiny, photo):
    frames = core.dream(tiny, photo, MIX, steps=3)
    first = next(frames)
    assert first.step == 1 and first.octave == 1 and 0 < first.progress < 1
    deeper = image(run(tiny, image(run(tiny, photo, MIX, steps=2)), MIX, steps=2))
    assert np.abs(deeper - photo).mean() > np.abs(image(run(tiny, photo, MIX, steps=2)) - photo).mean()


def test_octaves_that_are_too_small_are_left_out(tiny):
    original = np.full((1, 40, 200, 3), 0.4, np.float32)
    sizes = octave_sizes(original.shape[1:3], replace(core.DREAMS["google"], octaves=8))
    assert sizes == [(40, 200)]
    assert run(tiny, original, MIX, octaves=8, steps=1).images.shape == original.shape


def test_layers_lie_at_the_depth_of_the_source(tiny):
    named = core.classifier(tiny.network, name="named", size=(24, 40))
    preset = replace(core.DREAMS["google"], layers=(("conv1_relu", 0.99, 2.0), ("elsewhere", 0.99, 1.0)))
    assert core.dream_layers(named, preset) == {"conv1_relu": 2.0, "conv2_relu": 1.0}


def test_estimate_grows_with_the_picture(tiny, photo):
    small = core.estimate_dream(tiny, photo, layers=MIX)
    large = core.estimate_dream(tiny, core.resize(photo, height=600, width=900), layers=MIX)
    assert large.bytes > small.bytes > 0 and large.seconds > small.seconds > 0


ODD = SimpleNamespace(thin=np.zeros((1, 1, 4000, 3), np.float32), nan=np.full((1, 40, 40, 3), np.nan, np.float32))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"layers": {"conv9": 1.0}}, "has no layer 'conv9'"),
        ({"layers": {"gap": 1.0}}, "layers with height and width"),
        ({"layers": {"conv1": np.nan}}, "finite weights of layers"),
        ({"layers": {"conv1": 1.0}, "channels": [6]}, "channels of conv1 from 0 to 5"),
        ({"preset": "acid"}, "There is no dream preset 'acid'; there is convscope, google"),
        ({"steps": 0}, "steps from 1 to 500, got 0"),
        ({"steps": 10**6}, "steps from 1 to 500"),
        ({"octaves": 0}, "octaves from 1 to 20"),
        ({"ratio": 1.0}, "ratio from 1.05 to 3"),
        ({"step_size": 0.0}, "step_size from 1e-06 to 0.5"),
        ({"step_size": np.nan}, "step_size from 1e-06 to 0.5"),
        ({"normalize": "max"}, "normalize to be one of"),
        ({"jitter": -1}, "jitter from 0 to 256"),
        ({"tile": 8}, "tile from 64"),
        ({"mask": np.ones((3, 3))}, "a mask of the picture's size"),
        ({"mask": np.zeros((48, 64))}, "a mask of values from 0 to 1, not all of them 0"),
        ({"guide": np.zeros((33, 4000, 3))}, "a guide large enough for"),
        ({"step_size": "0.1"}, "step_size from 1e-06 to 0.5"),
        ({"channels": ["3"]}, "channels of conv1_relu from 0 to 5, got .3."),
        ({"preset": ["google"]}, "There is no dream preset"),
        ({"layers": {"conv1": "1"}}, "finite weights of layers"),
        ({"guide": ODD.thin}, "a guide of at least 32 pixels a side, got 1 x 4000"),
        ({"picture": ODD.thin}, "a picture of at least 32 pixels a side, got 1 x 4000"),
        ({"picture": ODD.nan}, "a picture of finite values from 0 to 1"),
        ({"picture": np.zeros((48, 48))}, "one picture"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_impossible_wishes_get_one_sentence(tiny, settings, sentence):
    settings = {"picture": np.full((48, 64, 3), 0.5, np.float32), "layers": MIX, **settings}
    with pytest.raises(ValueError, match=sentence) as refusal:
        core.dream(tiny, settings.pop("picture"), settings.pop("layers"), **settings)
    assert "\n" not in str(refusal.value)


def test_zoom_keeps_brightness_and_contrast(tiny, photo):
    frames = list(core.dream_zoom(tiny, photo, MIX, frames=8, zoom=0.06, rotate=2, drift=(1, -1), steps=2))
    pictures = np.concatenate([image(frame) for frame in frames])
    assert pictures.shape == (8, *photo.shape[1:]) and [frame.step for frame in frames] == list(range(1, 9))
    assert np.ptp(pictures.mean(axis=(1, 2, 3))) < 0.02 and np.ptp(pictures.std(axis=(1, 2, 3))) < 0.05
    still = core.dream_zoom(tiny, photo, MIX, frames=2, zoom=0.3, steps=1, step_size=1e-6)
    _, second = (image(frame) for frame in still)
    height, width = photo.shape[1:3]
    inner = photo[:, round(height * 0.15 / 1.3) :][:, : round(height / 1.3), round(width * 0.15 / 1.3) :]
    grown = core.resize(inner[:, :, : round(width / 1.3)], height=height, width=width)
    assert np.abs(second - grown).mean() < 0.25 * np.abs(second - photo).mean(), "magnified around the middle"


def test_video_of_a_still_scene_neither_flickers_nor_drifts(tiny, photo):
    noise = np.random.default_rng(0).normal(0, 0.01, (8, *photo.shape[1:])).astype(np.float32)
    video = core.to_uint8(np.clip(photo + noise, 0, 1))
    pictures = np.concatenate([image(frame) for frame in core.dream_video(tiny, video, MIX, steps=2, step_size=0.02)])
    alone = np.concatenate(
        [image(run(tiny, one, MIX, octaves=3, steps=2, step_size=0.02)) for one in core.to_float(video)]
    )
    dreamed = np.abs(pictures[-1] - photo[0]).mean()
    flicker, apart = (np.abs(np.diff(x[3:], axis=0)).mean() for x in (pictures, alone))
    assert dreamed > 0.02 and flicker < 0.35 * dreamed
    assert flicker / dreamed < apart / np.abs(alone[-1] - photo[0]).mean(), "calmer than frames dreamed one by one"
    assert np.abs(pictures.mean(axis=(1, 2, 3)) - photo.mean()).max() < 0.02
    assert np.abs(pictures.std(axis=(1, 2, 3)) - photo.std()).max() < 0.05


def test_video_begins_anew_where_the_film_moves(tiny, photo):
    black, white = np.zeros_like(photo), np.ones_like(photo)
    cut = core.to_uint8(np.concatenate([photo, black, white]))
    pictures = [image(frame) for frame in core.dream_video(tiny, cut, MIX, steps=1, blend=0.9)]
    alone = image(core.last(core.dream_video(tiny, cut[1:2], MIX, steps=1)))
    assert np.abs(pictures[1] - alone).mean() < 0.02, "no ghost of the frame before the cut"


@pytest.mark.parametrize(
    ("function", "settings", "sentence"),
    [
        (core.dream_zoom, {"frames": 0}, "frames from 1 to 1000"),
        (core.dream_zoom, {"zoom": 2.0}, "zoom from -0.2 to 0.5"),
        (core.dream_zoom, {"rotate": 90.0}, "rotate from -45 to 45"),
        (core.dream_zoom, {"steps": 0}, "steps from 1 to 500"),
        (core.dream_video, {"blend": 1.0}, "blend from 0 to 0.95"),
        (core.dream_video, {"octaves": 0}, "octaves from 1 to 20"),
    ],
)
def test_impossible_films_get_one_sentence(tiny, photo, function, settings, sentence):
    video = photo if function is core.dream_zoom else core.to_uint8(photo)
    with pytest.raises(ValueError, match=sentence):
        function(tiny, video, MIX, **settings)


@given(st.binary(min_size=128, max_size=128), st.integers(1, 50), st.integers(1, 50))
def test_any_painted_cells_become_a_mask_of_the_size_asked_for(bits, height, width):
    cells = base64.urlsafe_b64encode(bits).decode()
    mask = core.painted_mask(cells, height=height, width=width)
    assert mask.shape == (height, width) and mask.min() >= 0 and mask.max() <= 1
    painted = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(32, 32)
    np.testing.assert_allclose(core.painted_mask(cells, height=32, width=32), painted, atol=1e-6)


@given(st.text(max_size=400))
def test_any_text_is_a_mask_or_one_sentence(cells):
    try:
        mask = core.painted_mask(cells, height=4, width=5)
    except ValueError as error:
        assert str(error) == "Expected a mask of 32 x 32 painted cells, got something else"
    else:
        assert mask.shape == (4, 5) and len(cells) == 172


@pytest.mark.parametrize("moves", ["zoom", "video"])
def test_a_moving_dream_that_is_fine_lets_in_between_and_makes_the_same_frames(tiny, photo, moves):
    """A frame of 1,024 pixels takes many seconds, in which a page has to answer."""

    def run(fine):
        if moves == "zoom":
            return list(core.dream_zoom(tiny, photo, {"conv2": 1.0}, frames=2, octaves=2, steps=3, seed=3, fine=fine))
        video = np.repeat(core.to_uint8(photo), 2, axis=0)
        return list(core.dream_video(tiny, video, {"conv2": 1.0}, octaves=2, steps=3, seed=3, fine=fine))

    coarse, fine = run(False), run(True)
    whole = [frame for frame in fine if not isinstance(frame, core.Between)]
    assert len(coarse) == len(whole) == 2 and len(fine) >= 8
    for one, other in zip(coarse, whole, strict=True):
        np.testing.assert_array_equal(one.images.numpy(), other.images.numpy())
    progress = [frame.progress for frame in fine]
    assert progress == sorted(progress) and 0 < progress[0] < 0.5 and progress[-1] == 1
