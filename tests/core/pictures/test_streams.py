"""Streams of pictures: every kind of place gives the same pictures, bad ones are named, hostile ones are refused."""

from __future__ import annotations

import io
import tarfile
import zipfile

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import core
from core.pictures import shards
from core.pictures.streams import STRIDE, read_part

SIZE = (6, 10)
BAD = "cat/004.png"


@pytest.fixture(scope="module")
def files():
    """{name: bytes} of 21 pictures in two folders, the third of which is none."""
    random = np.random.default_rng(0)
    found = {
        f"{'dog' if at % 2 else 'cat'}/{at:03d}.png": core.encode_png(random.random((9, 14, 3), dtype=np.float32))
        for at in range(21)
    }
    return dict(sorted({**found, BAD: found[BAD][:40]}.items()))


def tar(files, labels=True, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in files.items():
            for ending, content in ((".png", data), (".cls", b"7")) if labels else ((".png", data),):
                member = tarfile.TarInfo(name.removesuffix(".png") + ending)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture(scope="module")
def places(files, tmp_path_factory):
    """{kind: address} of the same pictures."""
    root = tmp_path_factory.mktemp("places")
    memory = fsspec.filesystem("memory")
    for name, data in files.items():
        (root / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "folder" / name).write_bytes(data)
        memory.pipe(f"/many/{name}", data)
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    names = list(files)
    for at, some in enumerate((names[:9], names[9:])):
        (root / f"s-{at:02d}.tar").write_bytes(tar({name: files[name] for name in some}))
    (root / "a.tar.gz").write_bytes(tar(files, mode="w:gz"))
    structs = [{"bytes": data, "path": name} for name, data in files.items()]
    pq.write_table(pa.table({"image": structs, "label": [7] * len(names)}), root / "s.parquet", row_group_size=4)
    pq.write_table(pa.table({"jpg": list(files.values())}), root / "plain.parquet", row_group_size=30)
    return {
        "folder": root / "folder", "zip": root / "a.zip", "shards": root / "s-{00..01}.tar", "many": root / "s-*.tar",
        "gzip": root / "a.tar.gz", "parquet": root / "s.parquet", "column": root / "plain.parquet",
        "address": "memory://many",
    }  # fmt: skip


def read(address, part=6, **how):
    found = core.stream(str(address), part=part)
    return found, [batch for one in found.parts for batch in read_part(one, SIZE, **how)]


KINDS = ["folder", "zip", "shards", "many", "gzip", "parquet", "column", "address"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_place_gives_the_same_pictures(places, files, kind):
    found, batches = read(places[kind])
    pixels = np.concatenate([batch.pixels for batch in batches])
    good = [
        core.to_uint8(core.fit(core.open_image(data), height=6, width=10))[0] for n, data in files.items() if n != BAD
    ]
    assert (pixels == np.stack(good)).all()
    bad = [one for batch in batches for one in batch.bad]
    assert len(bad) == 1
    assert kind == "column" or bad[0][1] == BAD, "it is named"
    numbers = [*np.concatenate([batch.numbers for batch in batches]), bad[0][0]]
    assert len(set(numbers)) == len(files), "every file has a number of its own, bad ones too"
    assert {int(number // STRIDE) for number in numbers} == set(range(len(found)))
    labels = {label for batch in batches for label in batch.labels}
    assert labels == {"folder": {"cat", "dog"}, "zip": {"cat", "dog"}, "address": {"cat", "dog"}, "column": {""}}.get(
        kind, {"7"}
    )


@pytest.mark.parametrize("kind", ["folder", "zip", "shards", "parquet"])
def test_parts_are_small_and_the_same_each_time(places, kind):
    found, _ = read(places[kind])
    assert found.fingerprint == core.stream(str(places[kind]), part=6).fingerprint
    assert found.fingerprint != core.stream(str(places[kind]), part=5).fingerprint or kind == "parquet"
    counts = [sum(len(b) + len(b.bad) for b in read_part(one, SIZE)) for one in found.parts]
    assert sum(counts) == 21 and max(counts) <= (8 if kind == "parquet" else 6)


@pytest.mark.parametrize("kind", KINDS)
def test_some_pictures_can_be_read_by_their_numbers(places, kind):
    _, batches = read(places[kind])
    every = {int(n): one for b in batches for n, one in zip(b.numbers, b.pixels, strict=True)}
    wanted = set(list(every)[3::5])
    _, some = read(places[kind], wanted=wanted)
    got = {int(n): one for b in some for n, one in zip(b.numbers, b.pixels, strict=True)}
    assert set(got) == wanted and all((got[number] == every[number]).all() for number in wanted)


def test_batches_are_bounded(files, places, monkeypatch):
    monkeypatch.setattr("core.pictures.streams.PIXELS_AT_ONCE", 3 * SIZE[0] * SIZE[1])
    _, batches = read(places["gzip"])
    assert max(map(len, batches)) == 3 and sum(map(len, batches)) == 20


@pytest.mark.parametrize("cut", [0.2, 0.4, 0.6])
def test_a_shard_that_breaks_off_gives_what_it_has(files, tmp_path, cut):
    whole = tar({name: data for name, data in files.items() if name != BAD}, labels=False)
    for name, data in (("a.tar", whole), ("a.tgz", tar(files, mode="w:gz"))):
        (tmp_path / name).write_bytes(data[: int(len(data) * cut) // 512 * 512 + 100])
        _, batches = read(tmp_path / name)
        bad = [title for batch in batches for _, title in batch.bad if "from picture" in title]
        assert len(bad) == 1, "the rest counts once, with the place where it broke off"
        assert sum(map(len, batches)) >= 20 * cut - 5


def test_links_and_what_is_hidden_are_not_followed(files, tmp_path):
    inner = tmp_path / "in"
    inner.mkdir()
    (inner / "a.png").write_bytes(files["cat/000.png"])
    (inner / ".b.png").write_bytes(files["cat/000.png"])
    (tmp_path / "secret.png").write_bytes(files["cat/000.png"])
    (inner / "link.png").symlink_to(tmp_path / "secret.png")
    (inner / "loop").symlink_to(tmp_path)
    _, batches = read(inner)
    assert [title for batch in batches for title in batch.titles] == ["a.png"]


def test_members_of_tars_that_are_no_files_are_left_out(files, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("x.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name in ("../../y.png", "/etc/z.png"):
            member = tarfile.TarInfo(name)
            member.size = len(files["cat/000.png"])
            archive.addfile(member, io.BytesIO(files["cat/000.png"]))
    _, batches = read(tmp_path / "a.tar")
    assert [len(batch) for batch in batches] == [1], "nothing is ever written, so an absolute name is just a name"


def test_a_larger_file_is_bad_and_not_read_whole(files, tmp_path, monkeypatch):
    monkeypatch.setattr("core.pictures.streams.MAX_FILE", 100)
    (tmp_path / "a.png").write_bytes(files["cat/000.png"])
    _, batches = read(tmp_path)
    assert [batch.bad for batch in batches] == [((0, "a.png"),)]


def test_what_is_refused_is_said_in_a_sentence(tmp_path, files, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.tar").write_bytes(b"no tar at all" * 50)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "numbers.parquet")
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        archive.writestr("../x.png", b"x")
    for address, sentence in (
        (tmp_path / "nowhere", "Expected a folder, a file or another address"),
        (tmp_path / "empty", "Expected a folder, a file or another address|Expected pictures"),
        (tmp_path / "x.parquet", "Expected a shard that can be read"),
        (tmp_path / "numbers.parquet", "no column holds the bytes of pictures; there is a"),
        (tmp_path / "out.zip", "stay inside it"),
        ("nosuch://place", "Expected an address of pictures that can be reached"),
        (tmp_path / "s-{5..1}.tar", "the first number before the last"),
    ):
        with pytest.raises(ValueError, match=sentence):
            core.stream(str(address))
    with pytest.raises(ValueError, match="Expected part from 1 to 100000"):
        core.stream(tmp_path, part=0)
    monkeypatch.setattr(shards, "MOST_LOOSE", 1)
    for name in ("a.png", "b.png"):
        (tmp_path / "empty" / name).write_bytes(files["cat/000.png"])
    with pytest.raises(ValueError, match=r"put them into \.tar or \.parquet shards"):
        core.stream(tmp_path / "empty")
