"""How an answer comes about, for sessions to share: one number step by step, and which units made an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import jobs, networks, uploads
from dashboard.server.cache import cached, cached_saying
from dashboard.server.slot import SLOT

Floats = npt.NDArray[np.float32]
Target = int | tuple[int, int]
LOSSES_AT_ONCE = 32


@cached_saying("Taking the number apart…")
def dissected(
    name: str, picture_name: str, layer: str, channel: int, *, place: tuple[int, int], scale: int = 1
) -> core.Dissection:
    """One number of a layer, step by step; of the network's answers up to the probability. Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name), scale=scale)
    ends = net.labels and net.graph.tensors[layer] is net.graph.tensors[core.LOGITS]
    with SLOT.turn(short=True):
        return core.dissect(net, seen, core.PROBABILITIES if ends else layer, channel, *place)


@cached_saying("Adding up what each channel gives…")
def contributions(name: str, picture_name: str, layer: str, target: Target) -> Floats:
    """What each channel of a layer gives to a class, or to one against another: (channels,). Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    with SLOT.turn(short=True):
        return core.contributions(net, seen, layer, target)


@cached
def completeness(
    name: str, picture_name: str, layer: str, target: Target, *, _found: Floats | None = None
) -> core.Completeness:
    """How far they add up; ``_found`` are these contributions, where they are known. Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    with SLOT.turn(short=True):
        return core.completeness(net, seen, layer, target, found=_found)


@cached
def lost_without(name: str, picture_name: str, layer: str, target: Target, *, channel: int) -> float:
    """What the answer loses when one channel is switched off. Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    with SLOT.turn(short=True):
        return float(core.ablation_losses(net, seen, layer, target, channels=[channel])[0])


@cached_saying("Following the picture through one channel…")
def through(name: str, picture_name: str, layer: str, target: Target, *, channel: int) -> Floats:
    """The part of an answer that comes through one channel, pixel by pixel: (h, w). Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    with SLOT.turn(short=True):
        return core.conditional_attribution(net, seen, layer, channel, target=target)


@cached_saying("Reading the weights…")
def wired(name: str, layer: str, channel: int) -> tuple[tuple[core.Connection, ...], tuple[core.Connection, ...]]:
    """The twenty units that feed a unit most, and the twenty that it feeds most. Raises ValueError."""
    net = networks.network(name)
    with SLOT.turn(short=True):
        return tuple(core.fed_by(net, layer, channel)), tuple(core.feeds(net, layer, channel))


@cached_saying("Multiplying the weights…")
def expanded(name: str, picture_name: str, layer: str, channel: int, *, source: str) -> core.Expanded:
    """What a unit sees in a layer further down, and how far that goes on a picture. Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    with SLOT.turn(short=True):
        return core.expanded_weights(net, layer, channel, source, picture=seen)


@cached_saying("Following the answer from stage to stage…")
def river(name: str, picture_name: str, target: Target) -> core.River:
    """What flows to an answer through the strongest channels of five stages. Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    with SLOT.turn():
        return core.river(net, seen, target)


@dataclass(frozen=True)
class Losses:
    """What an answer loses without each of some channels, as far as that is known: (done,) of ``total``."""

    values: Floats
    total: int

    @property
    def progress(self) -> float:
        """The part that is known."""
        return len(self.values) / max(1, self.total)


def losses(name: str, picture_name: str, layer: str, target: Target, *, channels: tuple[int, ...]) -> Losses | None:
    """What the answer loses without each of these channels, with progress and Stop. Raises ValueError."""

    def found() -> Iterator[Losses]:
        net = networks.network(name)
        seen = core.seen_by(net, uploads.picture(picture_name))
        values = np.zeros(0, np.float32)
        for first in range(0, len(channels), LOSSES_AT_ONCE):
            part = channels[first : first + LOSSES_AT_ONCE]
            values = np.concatenate([values, core.ablation_losses(net, seen, layer, target, channels=part)])
            yield Losses(values, len(channels))

    key = ("losses", name, picture_name, layer, target, channels)
    result: Losses | None = jobs.follow(
        key, found, say=lambda one: f"Switching off: {len(one.values):,} of {one.total:,} channels"
    )
    return result


def given(name: str, layer: str, target: Target, set_name: str, *, pictures: core.PictureSet) -> core.UnitIndex | None:
    """Where in a set every unit of a layer gives most to an answer, with progress and Stop. Raises ValueError."""
    result: core.UnitIndex | None = jobs.follow(
        ("given", name, layer, target, set_name, len(pictures)),
        lambda: core.index_contributions(networks.network(name), layer, pictures, target),
        say=lambda one: f"What every unit gives: {one.done:,} of {one.total:,} pictures seen",
    )
    return result
