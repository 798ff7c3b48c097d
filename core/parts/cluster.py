"""The map on a Dask cluster: what all parts are looked at with travels once to each worker, parts follow one by one.

Dask's own tools do the work: a ``WorkerPlugin`` carries the network to every worker, also to one that comes later or
takes a dead one's place; ``as_completed`` gives results as they come; a lost worker's parts go to others. No more parts
are under way than keep the workers busy, so that results do not pile up. Workers need Convscope installed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from core.parts.work import Arrays, Carried, PartWork, said_of

LOG = logging.getLogger(__name__)
AHEAD = 2
"""Parts under way for each thread of a worker: one at work, one waiting."""
TRIES = 4
"""How often one part may take its worker down before it is given up."""
WAIT = 30
MISSING = (
    "Expected Dask for work on a cluster, got none installed: pip install 'convscope[cluster]', or 'dask[distributed]'"
)

MOST_OPEN = 2
"""Networks that a worker keeps open."""

_arrived: dict[str, Carried] = {}
_opened: dict[str, Any] = {}
_opening = threading.Lock()


def looked_at(
    work: PartWork, parts: Sequence[Any], numbers: Sequence[int], *, carried: Carried, cluster: Any
) -> Iterator[tuple[int, Arrays]]:
    """(number, result) of the parts of these numbers, as they come. Raises ValueError; see ``over_parts``."""
    client, own = _client(cluster)
    try:
        _send(client, carried)
        yield from _results(client, work, parts, list(numbers), carried)
    finally:
        with suppress(Exception):  # nobody needs it any more, and the scheduler may have gone
            client.unregister_worker_plugin(f"convscope-{carried.digest}")
        if own:
            client.close()


def _client(cluster: Any) -> tuple[Any, bool]:
    """A client of the cluster, and whether it was made here. Raises ValueError."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(MISSING) from error
    if isinstance(cluster, Client):
        return cluster, False
    try:
        client = Client(cluster, timeout=WAIT, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise ValueError(f"Expected a Dask scheduler at {cluster}, got none that answers") from error
    try:
        client.wait_for_workers(1, timeout=WAIT)
    except TimeoutError as error:
        client.close()
        raise ValueError(f"Expected workers at {cluster}, got none within {WAIT} seconds") from error
    return client, True


def _send(client: Any, carried: Carried) -> None:
    """Let every worker, now and later, have what parts are looked at with."""
    from distributed import WorkerPlugin

    class Bring(WorkerPlugin):
        """Puts it where ``_looked`` finds it; it is opened by the first part."""

        name = f"convscope-{carried.digest}"

        def __init__(self, brought: Carried) -> None:
            self.brought = brought

        def setup(self, worker: Any) -> None:
            from core.parts import cluster

            cluster.arrived(self.brought)

        def teardown(self, worker: Any) -> None:
            from core.parts import cluster

            cluster.left(self.brought.digest)

    try:
        client.register_plugin(Bring(carried))
    except Exception as error:
        LOG.warning("A worker could not take the network", exc_info=error)
        if isinstance(error, (OSError, TimeoutError)):
            raise ValueError("Expected a Dask cluster that stays, got one that went away") from error
        raise ValueError(
            f"Expected workers with Convscope installed, got one that says {type(error).__name__} of the network"
        ) from error


def arrived(carried: Carried) -> None:
    """Something has come to this process."""
    _arrived[carried.digest] = carried


def left(digest: str) -> None:
    """Something is needed no more in this process; where it is open, it stays so for the next run."""
    _arrived.pop(digest, None)


def _shared(digest: str) -> Any:
    """What has come, opened once in this process."""
    with _opening:
        if digest not in _opened:
            if digest not in _arrived:
                raise LookupError(digest)
            _single_threaded()
            _opened[digest] = _arrived[digest].open()
            for old in list(_opened)[:-MOST_OPEN]:
                del _opened[old]
        return _opened[digest]


def _single_threaded() -> None:
    """Let TensorFlow use as many threads as this worker has, where the process is the worker's own."""
    import tensorflow as tf
    from distributed import get_worker

    worker = get_worker()
    if getattr(worker, "nanny", None):
        try:
            tf.config.threading.set_intra_op_parallelism_threads(worker.state.nthreads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # something else has begun to compute here
            LOG.info("TensorFlow has its threads already")


def _looked(work: PartWork, number: int, part: Any, digest: str) -> Arrays:
    """On a worker: the result of a part."""
    shared = _shared(digest)
    with said_of(number):
        return work.look(shared, part)


def _results(
    client: Any, work: PartWork, parts: Sequence[Any], waiting: list[int], carried: Carried
) -> Iterator[tuple[int, Arrays]]:
    from distributed import as_completed

    under_way: dict[Any, int] = {}
    tried: dict[int, int] = {}
    coming = as_completed(loop=client.loop)

    def submit() -> None:
        room = AHEAD * max(1, sum(client.nthreads().values())) - len(under_way)
        for _ in range(min(room, len(waiting))):
            number = waiting.pop(0)
            tried[number] = tried.get(number, 0) + 1
            future = client.submit(
                _looked, work, number, parts[number], carried.digest, pure=False,
                key=f"convscope-{carried.digest[:12]}-{number}-{tried[number]}-{id(under_way):x}",
            )  # fmt: skip
            under_way[future] = number
            coming.add(future)

    submit()
    try:
        while under_way:
            future = next(coming)
            number = under_way.pop(future)
            error = future.exception() if future.status in ("error", "cancelled") else None
            if future.status == "finished":
                yield number, future.result()
            elif _lost(error) and tried[number] < TRIES:
                _send(client, carried)
                waiting.insert(0, number)
            else:
                raise _failure(number, error)
            submit()
    finally:
        client.cancel(list(under_way))


def _lost(error: BaseException | None) -> bool:
    """Whether a part failed because its worker died, or had not been sent the network yet."""
    from distributed import KilledWorker

    return error is None or isinstance(error, (KilledWorker, LookupError)) or "Cancelled" in type(error).__name__


def _failure(number: int, error: BaseException | None) -> ValueError:
    if isinstance(error, ValueError):
        return error
    what = "workers that died of it" if _lost(error) else type(error).__name__
    return ValueError(f"Expected part {number} to be looked at, got {what}, {TRIES} times at most")
