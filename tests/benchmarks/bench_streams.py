"""Many pictures: memory over 100,000 of them, two workers against one process, and what a part and a merge cost.

    python -m tests.benchmarks.bench_streams memory [--tiles 100000] [--seconds 600]
    python -m tests.benchmarks.bench_streams throughput [--tiles 12000] [--rounds 2]

Tiles of 64 x 64 pixels are cut from the sample photographs, written as tar shards of 5,000 under /tmp once, and looked
at through MobileNet 0.25 (random weights, which cost what others cost) at four layers. What is printed is measured
from the third part on: what comes before is mostly compiling.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

SIDE, PER_SHARD, PER_PART = 64, 5000, 256
LAYERS = ["conv_pw_3_relu", "conv_pw_6_relu", "conv_pw_9_relu", "conv_pw_13_relu"]
THREADS = 2


def shards(count: int) -> str:
    """The address of the tar shards with so many tiles; written where they are not there yet."""
    import core

    root = Path(tempfile.gettempdir()) / f"convscope_tiles_{SIDE}_{count}"
    done = root / "done"
    if not done.exists():
        root.mkdir(exist_ok=True)
        photos = [
            Image.fromarray(core.to_uint8(core.samples.load(one.name))[0]) for one in core.samples.samples() if one.file
        ]
        random = np.random.default_rng(0)
        for first in range(0, count, PER_SHARD):
            with tarfile.open(root / f"tiles-{first // PER_SHARD:04d}.tar", "w") as archive:
                for number in range(first, min(first + PER_SHARD, count)):
                    data = _tile(photos[random.integers(len(photos))], random)
                    member = tarfile.TarInfo(f"{number:07d}.jpg")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
        done.touch()
    return str(root / "*.tar")


def _tile(photo: Image.Image, random: np.random.Generator) -> bytes:
    side = int(random.integers(SIDE // 2, min(photo.size) // 2))
    left, top = (int(random.integers(0, length - side)) for length in photo.size)
    file = io.BytesIO()
    photo.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side)).save(file, "JPEG")
    return file.getvalue()


def network():
    """MobileNet 0.25 of tiles."""
    import keras

    import core

    keras.utils.set_random_seed(0)
    return core.load("mobilenet", alpha=0.25, weights=None, input_shape=(SIDE, SIDE, 3), classes=200)


def memory(tiles: int, seconds: float) -> None:
    """Look at all of them in this process; resident memory over time."""
    import core

    address, own, since = shards(tiles), psutil.Process(), time.monotonic()
    stream = core.stream(address, part=PER_PART)
    print(f"{len(stream)} parts listed in {time.monotonic() - since:.1f} s; load {os.getloadavg()[0]:.1f}")
    net, peak, said, began = network(), 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for found in core.top_patches(net, stream, LAYERS, folder=folder):
            peak = max(peak, own.memory_info().rss)
            if found.done == 3:
                began, first = time.monotonic(), found.pictures
            if found.done * 10 // found.total > said or found.done == 3:
                said = found.done * 10 // found.total
                now, spent = own.memory_info().rss / 2**20, time.monotonic() - since
                print(f"{found.pictures:7,} pictures, {now:5.0f} MiB, {spent:5.0f} s")
            if time.monotonic() - since > seconds:
                print(f"stopped after {seconds:.0f} s")
                break
        if found.done == found.total:
            since = time.monotonic()
            for _ in core.write_index(net, stream, found, Path(folder) / "index"):
                peak = max(peak, own.memory_info().rss)
            print(f"written in {time.monotonic() - since:.0f} s")
    rate = (found.pictures - first) / max(time.monotonic() - began, 1e-9)
    used = own.cpu_times()
    print(
        f"peak {peak / 2**20:.0f} MiB; {rate:.0f} pictures/s with writing; {used.user + used.system:.0f} s of processor"
    )


def _here(address: str, threads: int, sent: multiprocessing.Queue) -> None:
    """One process with so many threads, no other core of the machine; its seconds for all but the first parts."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    import core

    sent.put(_timed(core, network(), address, None))


def _timed(core, net, address: str, cluster) -> tuple[float, int]:
    began = 0.0
    for found in core.top_patches(net, core.stream(address, part=PER_PART), LAYERS, cluster=cluster):
        if not began and found.done >= 6:
            began, first = time.monotonic(), found.pictures
    return time.monotonic() - began, found.pictures - first


def throughput(tiles: int, rounds: int) -> None:
    """Two workers of one thread each, and one process with two threads, in turns."""
    import core

    address, rates = shards(tiles), {"one process": [], "two workers": []}
    context = multiprocessing.get_context("spawn")
    print(f"load {os.getloadavg()[0]:.1f}")
    from distributed import LocalCluster

    net = network()
    for _ in range(rounds):
        sent = context.Queue()
        child = context.Process(target=_here, args=(address, THREADS, sent))
        child.start()
        seconds, pictures = sent.get()
        child.join()
        rates["one process"].append(pictures / seconds)
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
            seconds, pictures = _timed(core, net, address, cluster)
        rates["two workers"].append(pictures / seconds)
        print({name: [round(one) for one in found] for name, found in rates.items()}, flush=True)
    ratio = np.median(rates["two workers"]) / np.median(rates["one process"])
    print(f"two workers of one thread: {ratio:.2f} of one process with {THREADS} threads")
    costs(core, net, address)


def costs(core, net, address: str) -> None:
    """Seconds to look at a part, to merge its result, and to write it; and what these say of many workers."""
    from core.networks.streamed import as_stream
    from core.parts.store import Store
    from core.techniques.indexing.patches import PatchesWork

    work, stream = PatchesWork(tuple(LAYERS), 9), as_stream(core.stream(address, part=PER_PART))
    results = []
    spent = {"look": [], "merge": [], "write": []}
    for part in stream.parts[:12]:
        since = time.process_time()
        results.append(work.look(net, part))
        spent["look"].append(time.process_time() - since)
    with tempfile.TemporaryDirectory() as folder:
        store, state = Store(Path(folder), {}), results[0]
        for number, one in enumerate(results[1:]):
            since = time.monotonic()
            state = work.merge(state, one)
            spent["merge"].append(time.monotonic() - since)
            since = time.monotonic()
            store.put(number, one)
            spent["write"].append(time.monotonic() - since)
    size = sum(one.nbytes for one in results[0].values())
    look, merge, write = (float(np.median(one[2:])) for one in spent.values())
    print(f"a part of {PER_PART}: {look:.3f} s of processor, its result {size / 2**10:.0f} KiB")
    print(f"merge {merge * 1e3:.1f} ms, write {write * 1e3:.1f} ms")
    print(f"results come faster than they are merged from {look / (merge + write):.0f} workers of one thread on")
    for workers in (1, 8, 64, 512):
        each = max(look / workers, merge + write)
        hours = 10_000_000 / PER_PART * each / 3600
        print(f"  ten million pictures on {workers:3d} workers: {hours:.1f} hours, {PER_PART / each:,.0f} pictures/s")


def main() -> None:
    """Run one of them."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("what", choices=("memory", "throughput"))
    reader.add_argument("--tiles", type=int, default=0)
    reader.add_argument("--seconds", type=float, default=600)
    reader.add_argument("--rounds", type=int, default=2)
    asked = reader.parse_args()
    if asked.what == "memory":
        memory(asked.tiles or 100_000, asked.seconds)
    else:
        throughput(asked.tiles or 12_000, asked.rounds)


if __name__ == "__main__":
    main()
