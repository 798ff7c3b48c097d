"""Write the curves that the page of learning and memorizing shows until a person runs their own.

    python -m core.bundled.memorized dashboard/assets/memorized.json

Two networks on the digits, true labels and random ones, with today's defaults; and the sweep of the paper's figure 1
over three seeds. It takes some minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import core

SEEDS = (0, 1, 2)
CURVES = ("train_accuracy", "test_accuracy", "clean_accuracy", "corrupted_accuracy")


def measured(data: core.LabelledSet, seeds: tuple[int, ...] = SEEDS, **settings: Any) -> dict[str, Any]:
    """Curves of both networks and the points of the sweep, as plain data; NaN becomes None."""
    pair = {}
    for condition in ("true_labels", "random_labels"):
        *_, frame = core.memorize(data, condition, **settings)
        curves = {name: [None if one != one else round(float(one), 4) for one in frame.curves[name]] for name in CURVES}
        pair[condition] = {"fitted": frame.fitted, "fitted_steps": frame.fitted_steps,
                           "steps": frame.steps, "parameters": frame.parameters, "pictures": frame.pictures,
                           "test_pictures": frame.test_pictures, "curves": curves}  # fmt: skip
    *_, sweep = core.corruption_sweep(data, seeds=seeds, **settings)
    return {
        "title": data.title,
        "classes": len(data.names),
        "pair": pair,
        "sweep": [asdict(one) for one in sweep.points],
    }


def main() -> None:
    """Parse the command line; the module's docstring shows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a JSON file")
    out: Path = parser.parse_args().out
    out.write_text(json.dumps(measured(core.digits()), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
