"""Which method of attribution is best for a network, over a stream of pictures: sums, which add up in any order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_classes
from core.networks.streamed import StreamWork, as_stream, over_stream
from core.parts.work import Arrays, added
from core.pauses import each
from core.pictures.images import to_float
from core.pictures.streams import Batch, PictureStream
from core.techniques.attribution.ranking import Comparison, checked_methods, compare_methods
from core.techniques.attribution.sanity import randomized

__all__ = ["stream_ranking"]


@dataclass(frozen=True)
class RankingWork(StreamWork):
    """(sum, count) of every value, and of every method's mean rank on a picture."""

    methods: tuple[str, ...]
    options: tuple[tuple[str, Any], ...]
    seed: int

    def seen(self, net: Classifier, batch: Batch) -> Arrays:
        """Those of a batch."""
        shuffled = net.keep_aside(("shuffled for ranking", self.seed), lambda: randomized(net, seed=self.seed))
        how: dict[str, Any] = {"settings": dict(self.options), "shuffled": shuffled, "once": False, "seed": self.seed}
        found: Arrays = {}
        for picture in each(to_float(batch.pixels)):
            answer = int(np.argmax(net.tap([LOGITS])(picture[None])[LOGITS][0]))
            *_, one = compare_methods(net, picture, answer, self.methods, **how)
            told = {f"rank/{method}": rank for method, rank in one.ranks.items()}
            told |= {f"{name}/{method}": value for method, row in one.rows.items() for name, value in row.items()}
            found = added(found, {name: np.array([value, 1.0]) for name, value in told.items() if np.isfinite(value)})
            found = added(found, {"whole": np.array([1], np.int64)})
        return found

    def united(self, one: Arrays, other: Arrays) -> Arrays:
        """Both sums."""
        return added(one, other)


def stream_ranking(
    classifier: Classifier,
    pictures: PictureStream | str | Path,
    methods: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    cluster: Any = None,
    folder: str | Path | None = None,
    order: list[int] | None = None,
) -> Iterator[Comparison]:
    """``rank_methods`` over a stream, each picture for the network's own answer; yields the means after every part.

    ``pictures``, ``cluster``, ``folder`` and ``order`` are as for ``core.top_patches``, the rest as for
    ``rank_methods``; so are the errors. Sums of another order differ by rounding.
    """
    chosen = tuple(checked_methods(methods, settings))
    require_classes(classifier, least=2)
    work = RankingWork(chosen, tuple((settings or {}).items()), checks.seed(seed))
    reached = over_stream(classifier, work, as_stream(pictures), cluster=cluster, folder=folder, order=order)
    return (_told(work, one.state, one.progress) for one in reached)


def _told(work: RankingWork, state: Arrays, progress: float) -> Comparison:
    means = {name: float(pair[0] / pair[1]) for name, pair in state.items() if "/" in name}
    rows = {
        method: {name.removesuffix(f"/{method}"): value for name, value in means.items()
                 if name.endswith(f"/{method}") and not name.startswith("rank/")}
        for method in work.methods
    }  # fmt: skip
    ranks = {method: means[f"rank/{method}"] for method in work.methods if f"rank/{method}" in means}
    pictures = int(state["whole"][0]) if "whole" in state else 0
    return Comparison({method: row for method, row in rows.items() if row}, ranks, {}, pictures, progress)
