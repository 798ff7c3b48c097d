"""The environment of the peers: other projects' packages, installed beside ours, never into it.

Foolbox needs NumPy 1; Xplique and CleverHans ask for older packages than they need, so they come without theirs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMMON = (
    *("tensorflow==2.21.*", "keras==3.15.1", "tf_keras==2.21.*", "tensorflow-probability", "numpy==1.26.*"),
    *("scipy==1.15.3", "scikit-learn==1.7.2", "scikit-image==0.25.2", "av", "pillow"),
    *("attrs", "deprecated", "easydict", "einops", "matplotlib", "opencv-python-headless", "absl-py", "mnist", "six"),
    *("foolbox==3.3.4", "adversarial-robustness-toolbox==1.20.1", "tf-keras-vis==0.8.7"),
)
ALONE = ("cleverhans==4.0.0", "xplique==2.0.2")
"""Those that ask for versions that cannot be had together: installed without what they ask for."""


def python(folder: Path) -> Path:
    """The interpreter of the environment in this folder."""
    return folder / "bin" / "python"


def install(folder: Path) -> None:
    """Make the environment, if it is not there; install what is missing. Raises CalledProcessError."""
    if not python(folder).exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python(folder)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, *COMMON], check=True)
    subprocess.run([*pip, "--no-deps", *ALONE], check=True)
