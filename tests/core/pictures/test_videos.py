"""Videos from files: what was written comes back, and broken ones get one sentence."""

from __future__ import annotations

import time

import numpy as np
import pytest

import core


@pytest.fixture(scope="module")
def pictures():
    """Twelve smooth pictures with a bright square that moves to the right."""
    video = np.full((12, 48, 64, 3), 0.3, np.float32)
    for number, picture in enumerate(video):
        picture[16:32, 4 * number : 4 * number + 16] = (0.9, 0.6, 0.2)
    return video


@pytest.fixture(scope="module")
def mp4(pictures):
    return core.encode_mp4(pictures, frames_per_second=12)


@pytest.mark.parametrize("encode", [core.encode_mp4, core.encode_gif])
def test_what_was_written_comes_back(pictures, encode):
    video = core.open_video(encode(pictures, frames_per_second=12))
    assert video.pictures.shape == pictures.shape and video.pictures.dtype == np.uint8
    assert video.frames_per_second == pytest.approx(12, rel=0.1) and not video.cut
    assert np.abs(core.to_float(video.pictures) - pictures).mean() < 0.03


def test_fast_long_and_large_films_are_thinned_cut_and_shrunk(pictures):
    fast = core.encode_mp4(np.repeat(pictures, 4, axis=0), frames_per_second=48)
    video = core.open_video(fast, max_rate=12)
    assert len(video.pictures) == 12 and video.frames_per_second == pytest.approx(12)
    np.testing.assert_allclose(core.to_float(video.pictures[5]), pictures[5], atol=0.25)
    short = core.open_video(fast, max_frames=3, max_side=32)
    assert short.pictures.shape == (3, 24, 32, 3) and "first" in short.cut


def test_a_film_that_ends_early_gives_what_is_whole(pictures):
    noisy = np.random.default_rng(0).random((30, 120, 160, 3), dtype=np.float32)
    data = core.encode_gif(noisy)
    video = core.open_video(data[: len(data) // 2])
    assert 1 <= len(video.pictures) < 30


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9])
def test_a_truncated_mp4_gets_one_sentence(mp4, share):
    with pytest.raises(ValueError, match=r"Expected a short video .* got .*\.$"):
        core.open_video(mp4[: int(len(mp4) * share)])


@pytest.mark.parametrize(
    "data", [b"", b"words", b"\x89PNG\r\n\x1a\n", bytes(5000)], ids=["empty", "text", "png", "zero"]
)
def test_what_is_no_video_gets_one_sentence(data):
    with pytest.raises(ValueError, match="Expected a short video"):
        core.open_video(data)


def test_damaged_bytes_never_raise_anything_else(mp4):
    rng = np.random.default_rng(1)
    for _ in range(40):
        broken = np.frombuffer(mp4, np.uint8).copy()
        broken[rng.integers(0, len(broken), 30)] = rng.integers(0, 256, 30)
        try:
            assert core.open_video(broken.tobytes()).pictures.shape[-1] == 3
        except ValueError as refusal:
            assert "Expected a short video" in str(refusal)


def test_a_large_file_is_refused_before_it_is_read(mp4):
    with pytest.raises(ValueError, match="at most 0 MB"):
        core.open_video(mp4, max_bytes=100)


SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 45678 RTP/AVP 96\r\n"


@pytest.mark.parametrize("data", [SDP + b"a=rtpmap:96 H264/90000\r\n", b"ffconcat version 1.0\nfile local.mp4\n"])
def test_formats_that_open_sockets_or_other_files_are_refused_at_once(data, mp4, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local.mp4").write_bytes(mp4)
    since = time.monotonic()
    with pytest.raises(ValueError, match="got a file that is not one"):
        core.open_video(data)
    assert time.monotonic() - since < 2
