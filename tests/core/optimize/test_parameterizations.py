from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from core.optimize import parameterizations as parameterizations
from core.optimize.parameterizations import Fourier, MaCo, Pixels
from core.pictures import samples
from core.pictures.images import fit

EVERY = [Pixels(), Pixels(spread=0.04, normal=True), Fourier(), Fourier(decay=1.5, spread=1.0), MaCo()]
SIZES = [(24, 40), (23, 41), (17, 16)]
every = pytest.mark.parametrize("parameterization", EVERY, ids=repr)
sizes = pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)


@every
@sizes
def test_pictures_have_the_asked_shape_and_range(parameterization, size):
    parameters = parameterization.start(2, *size, 3)
    pictures = parameterization.render(parameters).numpy()
    assert parameters.shape == pictures.shape == (2, *size, 3)
    assert pictures.dtype == np.float32
    assert np.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= 1
    assert not np.allclose(pictures[0], pictures[1])


@every
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_plain_pictures_and_huge_parameters_stay_finite(parameterization, level):
    plain = parameterization.encode(tf.fill((1, 15, 20, 3), level))
    for parameters in (plain, tf.zeros((1, 15, 20, 3)), tf.fill((1, 15, 20, 3), 1e4)):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            pictures = parameterization.render(parameters)
        assert np.isfinite(pictures).all()
        assert np.isfinite(tape.gradient(pictures, parameters)).all()


def test_the_start_has_the_documented_spread():
    assert np.std(Fourier(spread=0.01).start(4, 64, 64, 0)) == pytest.approx(0.01, rel=0.02)
    assert np.abs(Pixels(spread=1 / 16).start(4, 64, 64, 0) - 0.5).max() == pytest.approx(1 / 16, rel=0.01)
    assert np.std(Pixels(spread=10 / 255, normal=True).start(4, 64, 64, 0)) == pytest.approx(10 / 255, rel=0.02)
    assert np.abs(MaCo().start(4, 64, 64, 0)).max() == pytest.approx(np.pi, rel=0.01)
    almost_grey = Fourier().render(Fourier().start(1, 64, 64, 0)).numpy()
    assert almost_grey.mean() == pytest.approx(0.5, abs=0.01) and 0.0005 < almost_grey.std() < 0.02


def test_the_start_spreads_as_in_lucid():
    height, width, normal = 36, 50, np.random.default_rng(0)  # lucid/optvis/param: fft_image, to_valid_rgb
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    scale = np.sqrt(height * width) / np.maximum(frequency, 1 / max(height, width))
    spectrum = 0.01 * (normal.normal(size=(200, *scale.shape)) + 1j * normal.normal(size=(200, *scale.shape)))
    planes = np.fft.irfft2(scale * spectrum, (height, width)) / 4
    parameters = Fourier(spread=0.01).start(60, height, width, 0)
    ours = parameterizations._hartley(parameters * Fourier()._scale(parameters))
    assert np.std(ours) == pytest.approx(planes.std(), rel=0.03)
    assert np.std(np.diff(ours, axis=2)) == pytest.approx(np.diff(planes, axis=2).std(), rel=0.03)


@every
def test_same_seed_same_start(parameterization):
    assert np.array_equal(parameterization.start(2, 9, 8, 5), parameterization.start(2, 9, 8, 5))
    assert not np.array_equal(parameterization.start(2, 9, 8, 5), parameterization.start(2, 9, 8, 6))


@sizes
@pytest.mark.parametrize("parameterization", [c for c in EVERY if not isinstance(c, MaCo)], ids=repr)
def test_a_canvas_can_fit_a_picture(parameterization, size):
    picture = np.random.default_rng(0).uniform(0.01, 0.99, (1, *size, 3)).astype(np.float32)
    assert parameterization.render(parameterization.encode(picture)).numpy() == pytest.approx(picture, abs=2e-3)


@sizes
def test_maco_keeps_the_shapes_of_a_picture(size):
    picture = fit(samples.load("cat"), height=size[0] * 3, width=size[1] * 3)
    parameterization = MaCo.like(picture)
    pictures = parameterization.render(parameterization.encode(picture)).numpy()
    assert np.corrcoef(pictures.ravel(), picture.ravel())[0, 1] > 0.6


def test_maco_takes_its_magnitudes_from_the_pictures_at_every_size():
    noise = np.random.default_rng(0).random((2, 64, 64, 3)).astype(np.float32)
    smooth = fit(fit(noise, height=8, width=8), height=64, width=64)
    for height, width in SIZES:
        rough, soft = (
            np.abs(np.diff(parameterization.render(parameterization.start(1, height, width, 0)).numpy(), axis=2)).mean()
            for parameterization in (MaCo.like(noise), MaCo.like(smooth))
        )
        assert rough > 2 * soft
    assert hash(MaCo.like(noise)) == hash(MaCo.like(noise)) and MaCo.like(noise) != MaCo.like(smooth)


@sizes
def test_the_hartley_transform_is_its_own_inverse_and_keeps_lengths(size):
    planes = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    once = parameterizations._hartley(planes)
    assert parameterizations._hartley(once).numpy() == pytest.approx(planes, abs=1e-4)
    assert np.linalg.norm(once) == pytest.approx(np.linalg.norm(planes), rel=1e-4)


def test_a_fourier_parameter_is_one_wave_and_long_waves_are_stronger():
    def contrast(row, column):
        parameters = np.zeros((1, 24, 40, 3), np.float32)
        parameters[0, row, column, 0] = 0.1
        return Fourier().render(tf.constant(parameters)).numpy().std()

    assert contrast(0, 2) == pytest.approx(2 * contrast(0, 4), rel=0.02)
    assert contrast(0, 5) == pytest.approx(contrast(3, 0), rel=0.02)  # both 1/8 cycle per pixel
    assert contrast(0, 38) == pytest.approx(contrast(0, 2), rel=0.02)


@every
def test_grey_is_grey(parameterization):
    pictures = replace(parameterization, grey=True).render(parameterization.start(2, 12, 10, 0)).numpy()
    assert pictures.shape == (2, 12, 10, 3)
    assert np.ptp(pictures, axis=-1).max() < 1e-6 < np.ptp(pictures)
    assert pictures.max() <= 1


@every
def test_rendering_does_not_trace_anew_for_another_size(parameterization):
    traces = []

    def render(parameters):
        traces.append(1)
        return parameterization.render(parameters)

    compiled = tf.function(render, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for count, (height, width) in enumerate(SIZES, 1):
        assert compiled(parameterization.start(count, height, width, 0)).shape == (count, height, width, 3)
    assert len(traces) == 1


@pytest.mark.parametrize("size", [(24, 40), (23, 41)])
def test_loud_waves_are_settled_and_quiet_ones_stay(size):
    parameterization = Fourier(max_std=1.5)
    for spread, most in ((0.01, None), (50.0, 1.5)):
        parameters = spread * Fourier(spread=1.0).start(2, *size, 3)
        settled = parameterization.project(parameters)
        pictures = parameterization.render(settled).numpy()
        if most is None:
            np.testing.assert_array_equal(settled, parameters)
        else:
            assert np.abs(settled - parameters).max() > 1 and pictures.min() > 0.002 and pictures.max() < 0.998
    np.testing.assert_array_equal(Fourier().project(parameters), parameters)


def test_pixels_pass_gradients_where_they_are_not_clipped():
    parameters = tf.constant([-0.5, 0.0, 0.25, 1.0, 1.5])[None, :, None, None] * tf.ones((1, 1, 1, 3))
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        score = tf.reduce_sum(2.0 * Pixels().decode(parameters))
    np.testing.assert_array_equal(tape.gradient(score, parameters)[0, :, 0, 0], [0, 2, 2, 2, 0])
    np.testing.assert_array_equal(Pixels().project(parameters)[0, :, 0, 0], [0, 0, 0.25, 1, 1])
