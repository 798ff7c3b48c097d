"""What runs over a set runs over a stream: the same numbers, in every order of parts, and gone on with."""

from __future__ import annotations

import numpy as np
import pytest

import core
from core.techniques import codes as module

ORDER = [4, 1, 3, 0, 2]


@pytest.fixture(scope="module")
def batch():
    return core.to_float(core.to_uint8(np.random.default_rng(2).random((21, 24, 40, 3), dtype=np.float32)))


@pytest.fixture(scope="module")
def place(batch, tiny, tmp_path_factory):
    """21 pictures in folders named by classes, every third as the network says; one has no class, and one is none."""
    root = tmp_path_factory.mktemp("place")
    answers = core.activations(tiny, batch, [core.LOGITS])[core.LOGITS].argmax(axis=1)
    for at, (one, answer) in enumerate(zip(batch, answers, strict=True)):
        label = "nobody" if at == 20 else tiny.labels[answer if at % 3 == 0 else (answer + 1) % 5]
        path = root / f"{at:02d}" / label / "picture.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(core.encode_png(one))
    (root / "10" / "bad.png").write_bytes(b"none")
    return root


@pytest.fixture(scope="module")
def stream(place):
    found = core.stream(place, part=5)
    assert len(found) == 5
    return found


def end(frames):
    *_, last = frames
    assert last.progress == 1
    return last


def test_codes_are_those_of_the_pictures_in_their_order(tiny, batch, stream, tmp_path):
    expected = core.codes(tiny, batch, "conv2")
    for order in (None, ORDER):
        found = end(core.stream_codes(tiny, stream, "conv2", order=order))
        np.testing.assert_allclose(found.codes, expected, rtol=1e-5)
        assert found.bad.count == 1 and (np.diff(found.numbers) > 0).all()
    frames = core.stream_codes(tiny, stream, "conv2", folder=tmp_path)
    assert [next(frames).done for _ in range(3)] == [0, 1, 2]
    frames.close()
    rest = end(core.stream_codes(tiny, stream, "conv2", folder=tmp_path, order=ORDER))
    assert rest.codes.size == 0 and rest.pictures == 21 and rest.bad.count == 1, "codes are in files, not in memory"
    numbers, parts = zip(*core.read_codes(tmp_path), strict=True)
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-5)
    assert (np.concatenate(numbers) == found.numbers).all()


def test_accuracy_is_counted(tiny, stream):
    for order in (None, ORDER):
        found = end(core.stream_accuracy(tiny, stream, order=order))
        assert (found.counted, found.right.sum(), found.among.sum(), found.unlabelled) == (20, 7, 20, 1)
        assert found.accuracy == 7 / 20 and found.bad.count == 1 and found.robust == {}


def test_robust_accuracy_is_counted(tiny, batch, stream):
    how = {"attacks": ["fgsm", "pgd"], "steps": 3}
    found = end(core.stream_accuracy(tiny, stream, [1 / 255, 64 / 255], order=ORDER, **how))
    same = end(core.stream_accuracy(tiny, stream, [1 / 255, 64 / 255], **how))
    assert all((found.robust[name] == same.robust[name]).all() for name in ("fgsm", "pgd", "together"))
    assert found.epsilons == (0.0, 1 / 255, 64 / 255)
    for one in found.robust.values():
        assert one[0] == found.right.sum() and (np.diff(one) <= 0).all()
    assert found.robust["together"][-1] < found.right.sum(), "some are fooled"
    np.testing.assert_allclose(found.robust_accuracy(), found.robust["together"] / 20)
    with pytest.raises(ValueError, match="Expected epsilons that rise"):
        core.stream_accuracy(tiny, stream, [0.2, 0.1])
    with pytest.raises(ValueError, match="attack in linf"):
        core.stream_accuracy(tiny, stream, [0.1], attacks=["nothing"])


def test_methods_are_ranked_as_over_the_set(tiny, batch, place):
    methods = ["gradient", "gradient_input"]
    few = core.stream(place, part=2)
    few = core.PictureStream(few.address, few.parts[:1])
    *_, expected = core.rank_methods(tiny, batch[:2], methods)
    found = end(core.stream_ranking(tiny, few, methods))
    assert found.pictures == 2 and found.order == expected.order
    for method in methods:
        assert found.ranks[method] == pytest.approx(expected.ranks[method], rel=1e-3)
        assert set(found.rows[method]) == set(expected.rows[method])


def test_concepts_come_out_the_same_in_every_order_and_explain_the_maps(tiny, stream):
    found, other = (end(core.stream_concepts(tiny, stream, "conv2_relu", count=4, order=o)) for o in (None, ORDER))
    assert (found.directions == other.directions).all() and found.rows == 21 * 8
    assert (found.directions >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(found.directions, axis=1), 1, rtol=1e-4)
    one = end(core.stream_concepts(tiny, stream, "conv2_relu", count=1))
    assert 0 < found.unexplained < one.unexplained < 1
    with pytest.raises(ValueError, match="count of concepts of conv2_relu from 1 to 8"):
        core.stream_concepts(tiny, stream, "conv2_relu", count=9)


def test_tsne_of_many_lays_out_some_and_puts_the_others_amid_them(monkeypatch):
    monkeypatch.setattr(module, "MAX_CODES", 40)
    random = np.random.default_rng(0)
    group = np.arange(120) % 3
    values = 20 * np.eye(3, 6, dtype=np.float32)[group] + random.random((120, 6), dtype=np.float32)
    found = core.embed(values, seed=1)
    assert found.shape == (120, 2) and np.isfinite(found).all()
    middles = np.stack([np.median(found[group == one], axis=0) for one in range(3)])
    nearest = np.linalg.norm(found[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == group).all()
    some = core.evenly(120, 40)
    np.testing.assert_allclose(found[some], core.embed(values[some], seed=1), atol=1e-1)
    assert core.embed(values, "pca").shape == (120, 2)
    for name, package in (("umap", "umap-learn"), ("opentsne", "openTSNE")):
        monkeypatch.setitem(module.OTHERS, name, ("no_such_module", package))
        with pytest.raises(ValueError, match=f"pip install {package}"):
            core.embed(values, name)
