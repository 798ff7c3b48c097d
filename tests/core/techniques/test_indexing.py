"""Top patches of a stream: the same as of a set, in every order, on a cluster; and as a folder, also a hostile one."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.networks.carried import carry
from core.techniques.indexing import folder as saved
from core.techniques.indexing.patches import NOBODY, PatchesWork

LAYERS = ("conv1_relu", "gap")
BAD = "b/007.png"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """31 pictures in two folders, some of them alike, and a file that is none."""
    root, random = tmp_path_factory.mktemp("place"), np.random.default_rng(5)
    some = random.random((25, 24, 40, 3), dtype=np.float32)
    for at in range(32):
        path = root / ("a" if at < 6 else "b") / f"{at:03d}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(core.encode_png(some[at % 25]) if path.name != "007.png" else b"none")
    return root


@pytest.fixture(scope="module")
def stream(place):
    return core.stream(place, part=5)


@pytest.fixture(scope="module")
def found(tiny, stream):
    *_, last = core.top_patches(tiny, stream, LAYERS, top=4)
    return last


@pytest.fixture(scope="module")
def written(tiny, stream, found, tmp_path_factory):
    root = tmp_path_factory.mktemp("index")
    assert list(core.write_index(tiny, stream, found, root))[-1] == 1
    return root


def same(one, other):
    for layer in one.layers:
        for table in ("numbers", "rows", "columns"):
            assert (getattr(one, table)[layer] == getattr(other, table)[layer]).all(), (layer, table)
        np.testing.assert_allclose(one.values[layer], other.values[layer], rtol=1e-5)
    assert (one.sample == other.sample).all()
    assert (one.pictures, one.bad) == (other.pictures, other.bad)


def test_they_are_those_of_a_set(tiny, place, found):
    *_, pictures = core.gather(place, size=tiny.size)
    *_, index = core.index_units(tiny, LAYERS, pictures, top=4)
    assert (found.pictures, found.bad.count, found.bad.titles) == (31, 1, (BAD,))
    for layer in LAYERS:
        np.testing.assert_allclose(found.values[layer], index[layer].values, rtol=1e-5)
        assert (found.rows[layer] == index[layer].rows).all() and (found.columns[layer] == index[layer].columns).all()


def test_every_order_of_parts_gives_the_same(tiny, stream, found):
    for order in ([6, 5, 4, 3, 2, 1, 0], [3, 0, 6, 2, 5, 1, 4]):
        *_, other = core.top_patches(tiny, stream, LAYERS, top=4, order=order)
        same(found, other)


def test_a_stopped_run_ends_as_one_that_was_not(tiny, stream, found, tmp_path):
    frames = core.top_patches(tiny, stream, LAYERS, top=4, folder=tmp_path)
    assert [next(frames).done for _ in range(4)] == [0, 1, 2, 3]
    frames.close()
    rest = list(core.top_patches(tiny, stream, LAYERS, top=4, folder=tmp_path))
    assert [one.done for one in rest] == [3, 4, 5, 6, 7]
    same(found, rest[-1])
    with pytest.raises(ValueError, match="differs in layers, top"):
        next(core.top_patches(tiny, stream, ["conv2"], folder=tmp_path))


TABLES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=9)


@settings(max_examples=25)
@given(tables=st.lists(TABLES, min_size=3, max_size=3), top=st.integers(1, 4))
def test_the_merge_is_associative_and_commutative_and_ties_go_to_the_lower_number(tables, top):
    """Values of few kinds, so that there are ties; a picture is in one part only."""
    work = PatchesWork(("unit",), top, sample=3)
    parts = []
    for at, some in enumerate(tables):
        numbers = {number * 3 + at: value for value, number in some}
        best = sorted(numbers.items(), key=lambda one: (-one[1], one[0]))[:top]
        best += [(NOBODY, -np.inf)] * (top - len(best))
        which, values = (
            np.array([column], kind) for column, kind in zip(zip(*best, strict=True), (np.int64, "f4"), strict=True)
        )
        keys = np.array(sorted(numbers), np.int64)
        rest = {"rows": np.zeros_like(which), "columns": np.zeros_like(which)}
        tops = {"values": values, "numbers": which, **rest}
        parts.append({**{f"0/{name}": one for name, one in tops.items()}, "sample": keys})
    a, b, c = parts
    merged = [
        work.united(work.united(a, b), c), work.united(a, work.united(b, c)), work.united(work.united(c, a), b),
        work.united(b, work.united(c, a)),
    ]  # fmt: skip
    for one in merged[1:]:
        assert all((one[name] == merged[0][name]).all() for name in one)
    every = {number * 3 + at: value for at, some in enumerate(tables) for number, value in
             {number: value for value, number in some}.items()}  # fmt: skip
    naive = sorted(every, key=lambda number: (-every[number], number))[:top]
    assert merged[0]["0/numbers"][0, : len(naive)].tolist() == naive


def test_a_network_arrives_as_it_was_or_is_refused(tiny):
    packed = carry(tiny)
    there = packed.open()
    batch = np.random.default_rng(0).random((2, 24, 40, 3), dtype=np.float32)
    assert (
        core.activations(there, batch, ["logits"])["logits"] == core.activations(tiny, batch, ["logits"])["logits"]
    ).all()
    assert there.labels == tiny.labels and carry(there).digest == packed.digest
    other = core.randomized(tiny, seed=0)
    with pytest.raises(ValueError, match="one that was rewritten in memory does not travel"):
        carry(other).open()


# ------------------------------------------------------------------------------------------------ the folder


def test_a_folder_gives_back_what_was_found(tiny, found, written, stream):
    index = core.read_index(written)
    assert core.is_index(written) and index.is_of(tiny) and not index.is_of(core.randomized(tiny, seed=0))
    assert (index.looked_at, index.bad, index.address) == (31, 1, stream.address)
    *_, pictures = index.gather(tiny.size)
    assert len(pictures) == len(index) == pictures.total and pictures.titles[0].startswith("a/")
    for layer in LAYERS:
        one = index.indexes[layer]
        np.testing.assert_array_equal(one.values, found.values[layer])
        assert one.looked_at == 31 and one.done == one.total == len(index)
        best = core.patches(tiny, one, pictures, 2)
        again = core.activations(tiny, best.pictures, [layer])[layer][..., 2]
        peaks = again.reshape(len(again), -1).max(axis=1)
        np.testing.assert_allclose(peaks, best.values, atol=0.15), "the pictures are JPEGs"
        np.testing.assert_allclose(one.peaks[one.pictures[2], 2], best.values, rtol=1e-4)


def test_a_zip_of_it_is_read_as_well(written, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "index"), "zip", written.parent, written.name)
    data = Path(archive).read_bytes()
    for source in (archive, data):
        assert core.is_index(source) and len(core.read_index(source)) == len(core.read_index(written))
    assert len(list(core.read_index(data).gather((12, 20)))[-1]) == len(core.read_index(written))


@pytest.mark.parametrize("most", [30, 14])
def test_with_less_room_the_best_are_kept(tiny, written, most):
    whole = core.read_index(written)
    few = whole.limited(most)
    assert len(few) <= most and len(few.titles) == len(few.files) == few.indexes["gap"].total
    for layer, index in few.indexes.items():
        ranks = index.pictures.shape[1]
        assert (index.values == whole.indexes[layer].values[:, :ranks]).all()
        assert (few.files[index.pictures] == whole.indexes[layer].pictures[:, :ranks]).all()
        assert (index.peaks == whole.indexes[layer].peaks[few.files]).all()
        assert (few.files[index.usual] == whole.usual[: len(index.usual)]).all()
        assert index.selective(2)
    with pytest.raises(ValueError, match="more that are best of a unit"):
        whole.limited(1)


def change_manifest(root, change):
    path = root / "manifest.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def change_units(root, column, value):
    table = pq.read_table(root / "units.parquet")
    at = table.schema.get_field_index(column)
    pq.write_table(table.set_column(at, column, pa.array([value] * len(table))), root / "units.parquet")


def change_activations(root, change):
    path = root / "activations.parquet"
    table = pq.read_table(path)
    means = change(table["means"].to_pylist())
    at = table.schema.get_field_index("means")
    pq.write_table(table[: len(means)].set_column(at, "means", pa.array(means)), path)


HOSTILE = {
    "no manifest": lambda root: (root / "manifest.json").unlink(),
    "not JSON": lambda root: (root / "manifest.json").write_text("[" * 100_000),
    "another kind": lambda root: change_manifest(root, lambda told: told.update(kind="x")),
    "a later version": lambda root: change_manifest(root, lambda told: told.update(version=2)),
    "no network": lambda root: change_manifest(root, lambda told: told.pop("network")),
    "a number for a table": lambda root: change_manifest(root, lambda told: told.update(layers=3)),
    "too many": lambda root: change_manifest(root, lambda told: told["pictures"].update(kept=10**12)),
    "more than there are": lambda root: change_manifest(root, lambda told: told["pictures"].update(kept=3)),
    "true for one": lambda root: change_manifest(root, lambda told: told.update(top=True)),
    "another count of channels": lambda root: change_manifest(root, lambda told: told["layers"].update(gap=9)),
    "no Parquet": lambda root: (root / "units.parquet").write_bytes(b"PAR1" * 9),
    "another table": lambda root: shutil.copy(root / "pictures.parquet", root / "units.parquet"),
    "no answers": lambda root: (root / "activations.parquet").unlink(),
    "a link": lambda root: ((root / "units.parquet").unlink(), (root / "units.parquet").symlink_to("/etc/passwd")),
    "a picture beyond": lambda root: change_units(root, "picture", 10**6),
    "a channel below": lambda root: change_units(root, "channel", -1),
    "text for numbers": lambda root: change_units(root, "row", "x"),
    "text for means": lambda root: change_activations(root, lambda rows: [["x"] * len(row) for row in rows]),
    "no lists": lambda root: change_activations(root, lambda rows: [1.0 for _ in rows]),
    "lists of other lengths": lambda root: change_activations(root, lambda rows: [row[:1] for row in rows]),
    "no number": lambda root: change_units(root, "value", float("nan")),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_folder_is_refused_in_a_sentence(written, tmp_path, what):
    root = tmp_path / "index"
    shutil.copytree(written, root)
    HOSTILE[what](root)
    with pytest.raises(ValueError, match=r"^Expected the folder of an index, or a zip of it, got one"):
        core.read_index(root)


def test_few_bytes_that_stand_for_very_many_numbers_are_refused(written, monkeypatch):
    monkeypatch.setattr(saved, "MOST_VALUES", 100)
    with pytest.raises(ValueError, match="is damaged, or another table"):
        core.read_index(written)


def test_a_picture_that_is_none_and_a_zip_that_explodes_are_refused(written, tmp_path):
    root = tmp_path / "index"
    shutil.copytree(written, root)
    (root / "pictures/000/000001.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match="whose picture 1 cannot be read"):
        list(core.read_index(root).gather((24, 40)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * 2**21)
    with pytest.raises(ValueError, match=r"manifest.json (cannot be read|is larger|unpacks)"):
        core.read_index(file.getvalue())
    for nothing in (b"nothing", tmp_path / "no.zip", tmp_path):
        assert not core.is_index(nothing)


def test_what_cannot_be_asked_for_is_said_first(tiny, stream):
    for how, sentence in (
        ({"layers": ["conv9"]}, "tiny has no layer 'conv9'"), ({"top": 0}, "Expected top from 1 to 64"),
        ({"cluster": "tcp://127.0.0.1:1"}, "Expected a Dask scheduler at tcp://127.0.0.1:1, got none that answers"),
    ):  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("core.parts.cluster.WAIT", 0.3)
            with pytest.raises(ValueError, match=sentence):
                list(core.top_patches(tiny, stream, **how))
