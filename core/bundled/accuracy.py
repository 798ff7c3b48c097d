"""How many photographs of a folder a network of ImageNet names right.

    python -m core.bundled.accuracy efficientnet_lite0 FOLDER

The files are called ``INDEX_anything.jpg``, INDEX being the class among the 1,000 of ImageNet, from 0. Each is resized
and cut to the network's own size (``core.seen_by``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import core


def photographs(folder: Path) -> list[tuple[Path, int]]:
    """The files of a folder and their classes. Raises ValueError where there are none."""
    named = ((path, re.match(r"(\d+)_", path.name)) for path in sorted(folder.glob("*.jpg")))
    found = [(path, int(match[1])) for path, match in named if match]
    if not found:
        raise ValueError(f"Expected files INDEX_name.jpg in {folder}, got none")
    return found


def measure(classifier: core.Classifier, folder: Path) -> dict[str, float]:
    """Top-1 and top-5 accuracy, from 0 to 1, on the photographs of a folder, and how many they are."""
    found = photographs(folder)
    hits = {1: 0, 5: 0}
    for path, label in found:
        guesses = core.predict(classifier, core.seen_by(classifier, core.open_image(path)), top=5)[0]
        names = [name for name, _ in guesses]
        for first in hits:
            hits[first] += classifier.labels[label] in names[:first]
    return {"top1": hits[1] / len(found), "top5": hits[5] / len(found), "photographs": len(found)}


def main() -> None:
    """Parse the command line; the module's docstring shows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(measure(core.load(arguments.name), arguments.folder)) + "\n")


if __name__ == "__main__":
    main()
