"""Sets of pictures: tiles, folders, zips that mean well and zips that do not, CIFAR-10."""

from __future__ import annotations

import io
import os
import zipfile

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import core
from core.pictures import sets

SIZE = (24, 40)


def photo(seed=0, height=50, width=90, kind="PNG"):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


DOT = photo(0, 1, 1)


def archive(files, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return file.getvalue()


def gathered(source, **settings):
    *_, last = core.gather(source, **{"size": SIZE, **settings})
    return last


def test_tiles_are_cut_without_overlap_and_cover_the_middle():
    ramp = np.linspace(0, 1, 96 * 160, dtype=np.float32).reshape(1, 96, 160, 1).repeat(3, axis=-1)
    found = core.tiles([("ramp", ramp)], size=SIZE)
    levels = [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert len(found) == sum(rows * columns for rows, columns in levels), "six would enlarge it by half"
    assert found.pixels.shape[1:] == (*SIZE, 3) and found.titles == ("ramp",) and found.progress == 1
    last = found.pixels[-16:].reshape(4, 4, *SIZE, 3).swapaxes(1, 2).reshape(96, 160, 3)
    assert np.array_equal(last, core.to_uint8(ramp)[0]), "at its own size the tiles are the photograph"
    with pytest.raises(ValueError, match="Expected at least one photograph, got none"):
        core.tiles([], size=SIZE)


def test_a_photograph_smaller_than_a_tile_is_enlarged_once():
    small = np.random.default_rng(0).random((1, 10, 10, 3), dtype=np.float32)
    assert len(core.tiles([("small", small)], size=SIZE)) == 1


def test_sample_photographs_become_hundreds_of_pictures_without_the_drawn_card():
    found = core.sample_tiles(size=(64, 64))
    drawn = [sample.title for sample in core.samples.samples() if not sample.file]
    assert len(found) > 500 and not set(drawn) & set(found.titles)
    assert set(found.sources) == set(range(len(found.titles)))


def test_pictures_of_a_set_are_floats_and_as_set_gives_them_back():
    batch = core.to_float(np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8))
    found = core.as_set(batch, titles=["a", "b", "c"])
    assert np.array_equal(found.pictures([2, 0]), batch[[2, 0]]) and found.title(1) == "b" and found.size == SIZE
    with pytest.raises(ValueError, match="Expected 3 titles, got 1"):
        core.as_set(batch, titles=["a"])
    with pytest.raises(ValueError, match=r"Expected pictures of shape \(N, H, W, 3\)"):
        core.as_set(batch[0])


def test_folder_is_read_with_its_folders_and_bad_files_are_counted(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a.png").write_bytes(photo(1))
    (tmp_path / "cats" / "b.JPG").write_bytes(photo(2, kind="JPEG"))
    (tmp_path / "broken.png").write_bytes(photo(3)[:300])
    (tmp_path / "text.jpg").write_bytes(b"hello")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden" / "c.png").write_bytes(photo(4))
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    found = gathered(tmp_path)
    assert found.titles == ("a.png", "cats/b.JPG") and (found.skipped, found.total, found.progress) == (2, 4, 1)
    assert np.array_equal(found.pixels[0], core.to_uint8(core.fit(core.open_image(photo(1)), height=24, width=40))[0])


def test_zip_by_path_and_by_bytes_is_the_folder(tmp_path):
    data = archive({"b.png": photo(2), "a/a.png": photo(1), "__MACOSX/a.png": b"x", "bad.gif": b"GIF89a"})
    (tmp_path / "pictures.zip").write_bytes(data)
    for source in (data, str(tmp_path / "pictures.zip")):
        found = gathered(source)
        assert found.titles == ("a/a.png", "b.png") and found.skipped == 1


def test_every_yield_can_be_used_and_an_even_spread_is_taken(monkeypatch):
    monkeypatch.setattr(sets, "CHUNK", -1.0)
    data = archive({f"{number:03}.png": photo(number, 20, 20) for number in range(40)})
    steps = list(core.gather(data, size=SIZE, most=5))
    assert [len(step) for step in steps] == [1, 2, 3, 4, 5] and [step.progress for step in steps][-1] == 1
    assert steps[-1].titles == ("000.png", "010.png", "020.png", "029.png", "039.png")
    assert np.array_equal(steps[0].pixels[0], steps[-1].pixels[0]) and steps[0].progress == 0.2


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png", "\\\\host\\evil.png"]
)
def test_zip_with_names_that_lead_out_is_refused(name):
    with pytest.raises(ValueError, match="Expected a zip whose names stay inside it"):
        core.gather(archive({"a.png": photo(), name: photo()}), size=SIZE)


def test_zip_that_explodes_is_refused():
    with pytest.raises(ValueError, match="unpacks to more than 200 times its size"):
        core.gather(archive({"a.png": photo(), "bomb.png": bytes(30 * 2**20)}), size=SIZE)


def test_entry_that_lies_about_its_size_is_skipped_without_being_read_whole():
    data = bytearray(archive({"a.png": photo(), "lie.png": bytes(3 * 2**20)}))
    true, said = (3 * 2**20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    found = gathered(bytes(data.replace(true, said)))
    assert found.titles == ("a.png",) and found.skipped == 1


def test_locked_and_damaged_entries_are_skipped():
    data = bytearray(archive({"a.png": photo(1), "b.png": photo(2)}, zipfile.ZIP_STORED))
    flags = data.rfind(b"PK\x01\x02") + 8
    data[flags] |= 1  # the last one claims to be encrypted
    found = gathered(bytes(data))
    assert found.titles == ("a.png",) and found.skipped == 1


def test_too_large_files_are_skipped():
    found = gathered(archive({"a.png": photo(1, 8, 8), "b.png": photo(2, 200, 200)}), max_bytes=5000)
    assert found.titles == ("a.png",) and found.skipped == 1


def test_what_cannot_be_gathered_gets_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("hello")
    for source in (b"no zip", tmp_path / "a.txt", photo()):
        with pytest.raises(ValueError, match="Expected a folder or a zip of pictures, got no zip"):
            core.gather(source, size=SIZE)
    with pytest.raises(ValueError, match="which is neither"):
        core.gather(tmp_path / "nowhere", size=SIZE)
    for source in (tmp_path / "empty", archive({"a.txt": b"x"})):
        with pytest.raises(ValueError, match="Expected files that end in"):
            core.gather(source, size=SIZE)
    with pytest.raises(ValueError, match="Expected pictures, got 1 files of which none is one"):
        gathered(archive({"a.png": b"x"}))
    with pytest.raises(ValueError, match="Expected most from 1 to 100000, got 0"):
        core.gather(archive({"a.png": photo()}), size=SIZE, most=0)
    with pytest.raises(ValueError, match="Expected a size"):
        core.gather(archive({"a.png": photo()}), size=(0, 4))
    monkeypatch.setattr(sets, "MAX_NAMES", 2)
    with pytest.raises(ValueError, match="at most 2 names, got 3"):
        core.gather(archive({f"{n}.png": photo() for n in range(3)}), size=SIZE)


def test_no_more_pixels_than_memory_allows(monkeypatch):
    monkeypatch.setattr(sets, "MEMORY", 3 * 24 * 40 * 2)
    assert len(gathered(archive({f"{n}.png": photo(n) for n in range(5)}))) == 2


def test_cifar_comes_enlarged_and_named(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(12)[:, None] % 10
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: ((None, None), (pixels, labels)))
    found = core.cifar10(size=(32, 32), count=11)
    assert np.array_equal(found.pixels, pixels[:11]) and found.titles[:2] == ("airplane", "automobile")
    assert core.cifar10(size=SIZE).size == SIZE
    with pytest.raises(ValueError, match="Expected count from 1 to 10000, got 0"):
        core.cifar10(size=SIZE, count=0)


def test_cifar_that_does_not_come_gets_one_sentence(monkeypatch):
    def offline():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", offline)
    with pytest.raises(ValueError, match="CIFAR-10 could not be downloaded"):
        core.cifar10(size=SIZE)


def test_a_fingerprint_changes_with_the_pictures_of_a_folder_and_with_nothing_else(tmp_path):
    (tmp_path / "cats").mkdir()
    first, second = tmp_path / "a.png", tmp_path / "cats" / "b.png"
    first.write_bytes(photo(1))
    second.write_bytes(photo(2))
    seen = [core.fingerprint(tmp_path)]
    (tmp_path / "notes.txt").write_text("no picture")
    assert core.fingerprint(str(tmp_path)) == seen[0] and len(seen[0]) == 64

    def changed():
        seen.append(core.fingerprint(tmp_path))
        return seen[-1] not in seen[:-1]

    os.utime(second, ns=(0, second.stat().st_mtime_ns + 1))
    assert changed(), "the time of change"
    times = first.stat()
    first.write_bytes(photo(1) + b"more")
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert changed(), "the size"
    second.rename(tmp_path / "cats" / "c.png")
    assert changed(), "the name"
    (tmp_path / "d.png").write_bytes(photo(3))
    assert changed(), "a picture more"


def test_a_fingerprint_of_a_zip_and_of_nothing(tmp_path):
    path = tmp_path / "pictures.zip"
    path.write_bytes(archive({"a.png": photo(1)}))
    before = core.fingerprint(path)
    path.write_bytes(archive({"a.png": photo(1), "b.png": photo(2)}))
    assert core.fingerprint(path) != before
    with pytest.raises(ValueError, match="which is neither"):
        core.fingerprint(tmp_path / "nowhere")


@given(st.text(min_size=1, max_size=300))
def test_any_name_in_a_zip_is_plain_text_or_refused(name):
    data = archive({"a.png": DOT, name.replace("\0", "").encode("utf-8", "replace").decode() + ".png": DOT})
    try:
        found = gathered(data, size=(1, 1))
    except ValueError as error:
        assert str(error).startswith("Expected a zip whose names stay inside it") and str(error).isprintable()
        return
    for title in found.titles:
        assert title.isprintable() and 1 <= len(title) <= 200
    assert "a.png" in found.titles


def test_a_name_that_turns_the_text_round_is_shown_harmless():
    found = gathered(archive({"photo\u202egnp.png": photo(1), "two\nlines.png": photo(2)}))
    assert found.titles == ("photo\ufffdgnp.png", "two\ufffdlines.png")


@pytest.mark.parametrize(("count", "most"), [(1, 1), (5, 9), (9, 5), (100, 48), (7, 1)])
def test_evenly_takes_the_ends_and_equal_steps(count, most):
    found = core.evenly(count, most)
    assert len(found) == min(count, most) and found[0] == 0
    assert len(found) == 1 or (found[-1] == count - 1 and 0 < np.diff(found).max() - np.diff(found).min() + 1 <= 2)
