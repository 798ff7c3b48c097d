"""Vision transformers: tokens that are a map are shown as it, and what is computed of it is the network's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from core.networks.tokens import TokenMap, grids_of, token_map


class ClassToken(L.Layer):
    """A learned token before the others."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="ones", name="token")

    def call(self, x):
        return keras.ops.concatenate([keras.ops.tile(self.token, (keras.ops.shape(x)[0], 1, 1)), x], axis=1)


def transformer(*, lead=False, side=24, wide=32, channels=8):
    """Two blocks of attention over patches of 8 pixels."""
    keras.utils.set_random_seed(0)
    x = keras.Input((side, wide, 3), name="image")
    y = L.Conv2D(channels, 8, strides=8, name="patches")(x)
    y = L.Reshape((side * wide // 64, channels), name="tokens")(y)
    y = ClassToken(name="class_token")(y) if lead else y
    for block in "ab":
        z = L.LayerNormalization(name=f"norm_{block}")(y)
        y = L.Add(name=f"attended_{block}")([y, L.MultiHeadAttention(2, 4, name=f"attention_{block}")(z, z)])
        y = L.Add(name=f"mixed_{block}")([y, L.Dense(channels, activation="gelu", name=f"mlp_{block}")(y)])
    y = y[:, 0] if lead else L.GlobalAveragePooling1D(name="pool")(y)
    return keras.Model(x, L.Dense(3, activation="softmax", name="out")(y), name="vit")


@pytest.fixture(scope="module", params=[False, True], ids=["pooled", "class token"])
def vit(request):
    return core.classifier(transformer(lead=request.param), name="vit"), request.param


def pictures(count=2, seed=0):
    return np.random.default_rng(seed).random((count, 24, 32, 3), dtype=np.float32)


def test_the_layers_of_attention_blocks_are_listed_as_maps(vit):
    net, lead = vit
    for name in ("attention_a", "norm_b", "mlp_a", "attended_b", "mixed_b"):
        info = net.layer(name)
        assert info.shape == (3, 4, 8) and info.tokens == 12 + lead and info.receptive_field is None
    assert net.layer("patches").tokens == 0 and net.layer("out").shape == (3,)


def test_a_map_has_each_token_at_its_place(vit):
    net, lead = vit
    tokens = np.asarray(keras.Model(net.network.inputs, net.network.get_layer("mixed_a").output)(pictures()))
    shown = core.activations(net, pictures(), ["mixed_a"])["mixed_a"]
    for row in range(3):
        for column in range(4):
            np.testing.assert_allclose(shown[:, row, column], tokens[:, lead + 4 * row + column], atol=1e-5)


def test_the_answer_does_not_change_by_looking(vit):
    net, _ = vit
    both = net.tap(["attended_a", core.LOGITS])(pictures())
    np.testing.assert_allclose(
        net.probabilities(both[core.LOGITS]), np.asarray(net.network(pictures())), atol=1e-5
    )  # fmt: skip


@pytest.mark.parametrize("method", ["grad_cam", "gradient", "occlusion"])
def test_it_can_be_explained(vit, method):
    net, _ = vit
    strengths = [np.abs(core.attribute(net, pictures()[0], unit, method=method)).max() for unit in range(3)]
    assert max(strengths) > 0, "the answer depends on the map that is looked at"


def test_its_units_can_be_maximized_and_switched_off(vit):
    net, _ = vit
    frame = core.last(core.maximize(net, "mlp_b", [1, 2], size=(24, 32), steps=4, seed=0))
    assert (
        np.isfinite(np.asarray(frame.score)).all()
        and np.asarray(frame.curve)[-1].mean() > np.asarray(frame.curve)[0].mean()
    )
    before, after = (core.ablate(net, pictures(), "mixed_a", channels) for channels in ([], range(8)))
    moved = dict(before[0])["class 0"] != pytest.approx(dict(after[0])["class 0"], abs=1e-7)
    assert moved, "the layers behind see what was switched off"


def test_which_map_tokens_are():
    assert token_map(12, [(3, 4)]) == TokenMap(3, 4, 0)
    assert token_map(13, [(5, 5), (3, 4)]) == TokenMap(3, 4, 1)
    assert token_map(12, [(1, 12), (3, 4)]) == TokenMap(3, 4, 0), "heads of attention are no rows"
    assert token_map(28, [(28, 28)]) is None, "rows of a picture are no map"
    assert grids_of((None, 3, 8, 4, 8, 3)) == ((3, 4), (3, 8)) and grids_of((None, None, 4, 3)) == ()
    assert grids_of((None, 12, 8)) == ()


def test_patches_that_are_cut_by_reshaping_are_a_map():
    x = keras.Input((24, 32, 3))
    y = L.Permute((1, 3, 2, 4, 5))(L.Reshape((3, 8, 4, 8, 3))(x))
    y = L.Dense(5, name="embedded")(L.Reshape((12, 192), name="cut")(y))
    net = core.classifier(keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(y))), name="cut")
    assert net.layer("embedded").shape == (3, 4, 5) and net.layer("cut").shape == (3, 4, 192)


def test_a_unit_is_switched_off_in_the_map_alone_whoever_asks(vit):
    net, _ = vit
    (lost,) = core.ablation_losses(net, pictures()[0], "mixed_a", 1, channels=[2])
    own, off = (core.scaled_logits(net, pictures()[:1], "mixed_a", {2: factor})[0, 1] for factor in (1.0, 0.0))
    assert lost == pytest.approx(own - off, abs=1e-5) and lost != 0, "a class token stays as it is"
