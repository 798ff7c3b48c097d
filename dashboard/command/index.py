"""An index of very many pictures, written into a folder that the pages open: ``convscope index photos -o index``."""

from __future__ import annotations

import argparse
from pathlib import Path

import core
from dashboard.command import make, terminal, words
from dashboard.command.running import opened
from dashboard.recipes import usual
from dashboard.server import networks

NAMED = 10


def write(asked: argparse.Namespace) -> None:
    """Look at all pictures, here or on a cluster, and write what excites every unit most. Raises ValueError."""
    net = networks.network(opened(asked.network))
    stages = [stage for stage in core.stages(net) if net.layer(stage.layer).spatial]
    layers = words.listed(asked.layer) or [usual.excited(stages, net)]
    folder = Path(asked.output).expanduser()
    with terminal.Progress("Listing the pictures"):
        place = asked.place if "://" in asked.place else str(Path(asked.place).expanduser())
        pictures = core.stream(place, part=asked.part)
    steps = core.index_pictures(net, pictures, folder, layers, top=asked.top, cluster=asked.cluster)
    try:
        with terminal.Progress("Looking") as bar:
            for step in steps:
                bar.tell(
                    step.progress, f"{step.pictures:,} pictures" + f", {step.bad.count:,} bad" * bool(step.bad.count)
                )
    except KeyboardInterrupt:
        make.say("Stopped: the same command goes on from here.")
        raise
    make.say(f"{folder}: {step.pictures:,} pictures were looked at. convscope {folder}/ opens it.")
    if step.bad.count:
        named = ", ".join(step.bad.titles[:NAMED]) + ", ..." * (step.bad.count > NAMED)
        make.say(f"{step.bad.count:,} file{'s' * (step.bad.count > 1)} could not be read: {named}")
