"""Mutated files of Keras 2, opened one after another as the child process does; prints what came of them as JSON.

    python -m tests.core.networks.mutations COUNT SEED FOLDER

Half of the mutations change the description (values, keys, names of classes, some of them hostile), half the bytes.
"""

from __future__ import annotations

import base64
import json
import marshal
import os
import random
import sys
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

from core.networks import containers, trial  # noqa: E402
from tests.core.networks.keras2_files import aged, randomized, write_h5  # noqa: E402
from tests.core.networks.test_keras2 import attention, functional, nested, sequential, with_function  # noqa: E402

VALUES = [None, True, False, 0, 1, -1, 3, 7.5, 1e30, "", "same", "relu", "mine", [], [1], [[]], {}, {"a": 1}, [None, 3]]
KINDS = ["Lambda", "TFSMLayer", "system", "eval", "StringLookup", "Dense", "Conv2D", "Flatten", "Mine", "Functional"]


def lambda_that_writes(path):
    """Code as Keras keeps that of a Lambda: run, it leaves a file as a witness."""
    code = compile(f"open({str(path)!r}, 'w').write('ran')", "witness", "eval")
    return base64.b64encode(marshal.dumps(code)).decode()


def runs_code(path):
    """Parts of descriptions whose code, run, leaves a witness."""
    code = lambda_that_writes(path)
    kept = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    return [
        kept,
        {"class_name": "Lambda", "config": {"name": "mine", "function": kept}, "module": "keras.layers"},
        {"class_name": "Lambda", "config": {"name": "old", "function": [code, None, None], "function_type": "lambda"}},
        {"class_name": "Activation", "config": {"name": "act", "activation": kept}, "module": "keras.layers"},
    ]


HOSTILE = [
    {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}},
    {"class_name": "function", "module": "os", "config": "system", "registered_name": "function"},
    {"class_name": "TFSMLayer", "module": "keras.layers", "config": {"filepath": "/tmp"}},
]


def sources():
    """Networks with their old descriptions."""
    made = [(randomized(make()), None) for make in (functional, sequential, nested, attention)]
    flip = {"slice_spec": [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]}
    made.append(with_function(("math.truediv", {"y": 127.5}), ("__operators__.getitem", flip), ("nn.relu", {})))
    return [(network, old or aged(network)) for network, old in made]


def places(value, found):
    """Every (container, key) inside a description."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        found.append((value, key))
        places(inner, found)
    return found


def mutated(old, chance, hostile):
    """A copy of a description with one to three changes in it."""
    new = json.loads(json.dumps(old))
    for _ in range(chance.randint(1, 3)):
        container, key = chance.choice(places(new, []))
        act = chance.random()
        if act < 0.2:
            del container[key]
        elif act < 0.3:
            container[key] = chance.choice(hostile)
        elif act < 0.5 and isinstance(container, dict) and "class_name" in container:
            container["class_name"] = chance.choice(KINDS)
        elif act < 0.6 and isinstance(container, dict):
            container[chance.choice(["groups", "new_key", "activation", "module"])] = chance.choice(VALUES)
        else:
            container[key] = chance.choice(VALUES)
    return new


def broken(data, chance):
    """A copy of a file with some bytes changed, or cut."""
    data = bytearray(data)
    if chance.random() < 0.2:
        return bytes(data[: chance.randrange(len(data))])
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.choice([0, 127, 128, 255, chance.randrange(256)])
    return bytes(data)


def outcome(path):
    """``"opened"``, or the sentence of the refusal."""
    try:
        with containers.opened(path) as box:
            trial.try_file(box.path, box.kind)
    except ValueError as error:
        return trial.sentence(error)
    except Exception as error:
        return trial.damaged(path, error)
    return "opened"


def main(count, seed, folder):
    """Mutate, open, count."""
    chance, made, witness = random.Random(seed), sources(), folder / "witness"
    hostile = [*HOSTILE, *runs_code(witness)]
    trial.limit(trial.MEMORY, files=True)
    tally, odd = Counter(), []
    for number in range(count):
        network, old = chance.choice(made)
        path = folder / f"mutated_{number % 4}.h5"
        describes = number % 2 == 0
        write_h5(path, network, mutated(old, chance, hostile) if describes else old)
        if not describes:
            path.write_bytes(broken(path.read_bytes(), chance))
        said = outcome(path)
        tally["opened" if said == "opened" else said.split(",")[0][:60]] += 1
        if said != "opened" and ("\n" in said or len(said) > 500 or not said.startswith("Expected")):
            odd.append(said)
    sys.stdout.write(
        "\n" + json.dumps({"tally": dict(tally.most_common()), "odd": odd, "ran": witness.exists()}) + "\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
