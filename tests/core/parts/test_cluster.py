"""The map on a Dask cluster: the same results as here, also when a worker is killed in the middle."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import core

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root, random = tmp_path_factory.mktemp("place"), np.random.default_rng(1)
    for at in range(60):
        (root / f"{at:03d}.png").write_bytes(core.encode_png(random.random((24, 40, 3), dtype=np.float32)))
    return root


def same(one, other):
    for layer in one.layers:
        assert (one.numbers[layer] == other.numbers[layer]).all() and (one.rows[layer] == other.rows[layer]).all()
        np.testing.assert_allclose(one.values[layer], other.values[layer], rtol=1e-5)
    assert one.pictures == other.pictures and (one.sample == other.sample).all()


def test_a_cluster_finds_what_one_process_finds(tiny, place):
    """In this process, for speed: the network travels all the same."""
    stream = core.stream(place, part=7)
    *_, here = core.top_patches(tiny, stream, ["conv2"])
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        frames = list(core.top_patches(tiny, stream, ["conv2"], cluster=client))
        same(here, frames[-1])
        assert [one.done for one in frames] == list(range(10))
        with pytest.raises(ValueError, match="Expected part 0 to be looked at, got"):
            broken = core.PictureStream("x", (core.stream(place).parts[0].__class__(0, "nokind", "x"),))
            list(core.top_patches(tiny, broken, ["conv2"], cluster=client))


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tiny, place, tmp_path):
    """Two processes; one of them is killed as soon as there is a first result."""
    stream = core.stream(place, part=2)
    *_, here = core.top_patches(tiny, stream, ["conv2", "conv1_relu"])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        killed = []
        with distributed.Client(cluster) as client:
            pids = list(client.run(os.getpid).values())
        frames = core.top_patches(
            tiny, stream, ["conv2", "conv1_relu"], cluster=cluster.scheduler_address, folder=tmp_path
        )
        for found in frames:
            if found.done == 3:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])
        same(here, found)
        assert killed and found.done == 30


@pytest.mark.slow
def test_a_run_that_lost_its_cluster_goes_on(tiny, place, tmp_path):
    stream = core.stream(place, part=2)
    *_, here = core.top_patches(tiny, stream, ["conv2"])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        frames = core.top_patches(tiny, stream, ["conv2"], cluster=cluster, folder=tmp_path)
        for found in frames:
            if found.done >= 4:
                break
        frames.close()
    rest = list(core.top_patches(tiny, stream, ["conv2"], folder=tmp_path))
    assert rest[0].done >= 4 and rest[-1].done == 30
    same(here, rest[-1])
