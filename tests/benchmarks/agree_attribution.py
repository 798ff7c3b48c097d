"""Maps and measures beside pytorch-grad-cam 1.5.7 and Quantus 0.6.0: the same network, picture and maps, largest gaps.

    python -m tests.benchmarks.agree_attribution --torch DIR          # DIR: an environment of its own, made if need be

A small network is made here, and its weights are carried to PyTorch; its maps are as large as its pictures, so that no
way of enlarging them is compared. ``agree_torch`` is the other side. Gaps of maps are those of maps brought to [0, 1],
as pytorch-grad-cam gives them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SIZE, CLASSES, CLASS, OTHER = (24, 32), 5, 2, 3
PACKAGES = ("torch==2.13.0", "numpy", "scipy", "scikit-image", "scikit-learn", "matplotlib", "opencv-python-headless")
ALONE = ("grad-cam==1.5.7", "quantus==0.6.0", "ttach")
"""Without what they ask for: torchvision, of which grad-cam uses nothing here."""
CAMS = ("grad_cam", "grad_cam_plus", "hires_cam", "layer_cam", "xgrad_cam", "eigen_cam", "ablation_cam", "score_cam")
PERCENTAGES = (10, 30, 50)


def install(folder: Path) -> Path:
    """The interpreter of the environment, which is made where it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES, "tqdm", "pandas"], check=True)
        subprocess.run([*pip, "--no-deps", *ALONE], check=True)
    return python


def network():
    """Two convolutions, and a dense layer that reads every place of the maps: each CAM sees something else."""
    import keras
    from keras import layers as L  # noqa: N812

    import core

    keras.utils.set_random_seed(1)
    image = keras.Input((*SIZE, 3), name="image")
    x = L.Conv2D(6, 5, padding="same", activation="relu", name="first")(image)
    x = L.Conv2D(8, 3, padding="same", activation="relu", name="last")(x)
    spread = keras.initializers.RandomNormal(0, 0.05)
    x = L.Dense(CLASSES, kernel_initializer=spread, name="top")(L.Flatten(name="flat")(x))
    return core.classifier(keras.Model(image, x), name="carried")


def side() -> dict[str, np.ndarray]:
    """Weights, picture, maps, and measures of one of them."""
    import core

    net = network()
    photo = np.float32(0.05) + np.float32(0.9) * core.fit(core.samples.load("cat"), height=SIZE[0], width=SIZE[1])
    given = {f"{layer}_{kind}": w for layer in ("first", "last", "top")
             for kind, w in zip(("kernel", "bias"), net.weights(layer), strict=True)}  # fmt: skip
    maps = {name: core.attribute(net, photo, CLASS, method=name, maps="last", channels=99) for name in CAMS}
    own = core.attribute(net, photo, CLASS, method="gradient_input")
    other = core.attribute(net, photo, OTHER, method="gradient_input")
    removed = own > np.median(own)
    box = np.zeros(SIZE, bool)
    box[6:18, 4:20] = True
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.02, 0.02, (3, *photo.shape[1:])).astype(np.float32)
    moved = [
        np.linalg.norm(core.attribute(net, photo + one, CLASS, method="gradient_input") - own) / np.linalg.norm(own)
        for one in noise
    ]
    _, deletion = core.insertion_deletion(net, photo, CLASS, own, steps=24)
    measures = {
        "imputed": core.imputed(photo, removed, noise=0)[0], "deletion": deletion,
        "road": core.road(net, photo, CLASS, own, percentages=PERCENTAGES, noise=0),
        "sparseness": core.sparseness(own), "sensitivity": np.mean(moved), "similarity": core.similarity(own, other),
        "pointing": core.pointing(own, box), "inside": core.inside_total(own, box),
    }  # fmt: skip
    extra = {"photo": photo, "noise": noise, "removed": removed, "box": box, "own": own, "other": other}
    extra["logits"] = core.logits_of(net, photo)
    return {
        **{f"weight_{key}": value for key, value in given.items()},
        **{f"map_{key}": value for key, value in maps.items()},
        **{f"measure_{key}": np.asarray(value) for key, value in measures.items()},
        **extra,
    }


def main() -> None:
    """Make our side, run theirs, print the gaps."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.agree_attribution", description=__doc__)
    parser.add_argument("--torch", type=Path, required=True, help="folder of the environment with PyTorch")
    python = install(parser.parse_args().torch)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ours.npz"
        np.savez(path, **side())
        subprocess.run([str(python), str(Path(__file__).with_name("agree_torch.py")), str(path)], check=True)


if __name__ == "__main__":
    main()
