"""The methods of explaining, as data: what each is called, what it says, how it is computed and what can be set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.settings import Setting
from core.techniques.attribution import cam, gradients, occlusion
from core.techniques.attribution.question import Map, ask


@dataclass(frozen=True)
class Method:
    """A way to explain.

    Attributes:
        title: its name on the screen.
        says: two sentences, with the paper.
        explain: a ``Question``, and the settings by name -> (H, W) float32.
        settings: what can be set.
        signed: whether a negative value says that the score loses; otherwise no value is negative.
    """

    title: str
    says: str
    explain: Callable[..., Map]
    settings: tuple[Setting, ...] = ()
    signed: bool = False


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "gradient": Method(
            "Gradient",
            "How much the score would change with each pixel "
            "([Simonyan et al., 2013](https://arxiv.org/abs/1312.6034)).",
            gradients.gradient,
        ),
        "gradient_input": Method(
            "Gradient × input",
            "The gradient, times the pixel: what the pixel adds, if the network were linear "
            "([Shrikumar et al., 2016](https://arxiv.org/abs/1605.01713)).",
            gradients.gradient_input,
            signed=True,
        ),
        "guided": Method(
            "Guided backprop",
            "The gradient, of which each rectifier lets only the positive part through where it was active itself. "
            "Sharp, but it shows edges more than reasons ([Springenberg et al., 2014](https://arxiv.org/abs/1412.6806)).",
            gradients.guided,
        ),
        "deconvnet": Method(
            "DeconvNet",
            "Each rectifier lets the positive part through, whatever it saw; pooling goes back through its switches "
            "([Zeiler & Fergus, 2013](https://arxiv.org/abs/1311.2901)).",
            gradients.deconvnet,
        ),
        "grad_cam": Method(
            "Grad-CAM",
            "The maps of the last layer with height and width, each weighted by its mean gradient: coarse, but it "
            "knows the class ([Selvaraju et al., 2016](https://arxiv.org/abs/1610.02391)).",
            cam.grad_cam,
        ),
        "grad_cam_plus": Method(
            "Grad-CAM++",
            "Grad-CAM with weights that also find several things of one class "
            "([Chattopadhyay et al., 2017](https://arxiv.org/abs/1710.11063)).",
            cam.grad_cam_plus,
        ),
        "integrated": Method(
            "Integrated gradients",
            "The gradient summed along the way from black to the picture: its parts add up to the change of the score "
            "([Sundararajan et al., 2017](https://arxiv.org/abs/1703.01365)).",
            gradients.integrated,
            (gradients.COUNT,),
            signed=True,
        ),
        "smooth": Method(
            "SmoothGrad",
            "The mean gradient of 50 noisy copies, which takes the noise off "
            "([Smilkov et al., 2017](https://arxiv.org/abs/1706.03825)).",
            gradients.smooth,
            (gradients.COUNT, gradients.SPREAD, gradients.SEED),
        ),
        "occlusion": Method(
            "Occlusion",
            "How much the score falls when a grey square hides each place. No gradient, nothing assumed "
            "([Zeiler & Fergus, 2013](https://arxiv.org/abs/1311.2901)).",
            occlusion.explain,
            (occlusion.WINDOW, occlusion.FILL),
            signed=True,
        ),
    }
)  # fmt: skip


def attribute(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    *,
    method: str = "grad_cam",
    layer: str = LOGITS,
    maps: str | None = None,
    **settings: Any,
) -> Map:
    """Explain one score of one picture.

    Args:
        classifier, picture: the network; (H, W, 3) or (1, H, W, 3) RGB in [0, 1], of a size at which it runs.
        target: a class, or a channel of ``layer``, whose mean over the map is then the score.
        method: a name of ``METHODS``.
        layer: ``LOGITS``, or any layer.
        maps: the layer whose maps Grad-CAM weighs; the last one with height and width before ``layer`` where None.
        settings: by name, what ``METHODS[method].settings`` says; those of other methods change nothing.
            count: 2 to 1000 points of the way (integrated gradients) or noisy copies (SmoothGrad); more are smoother.
            spread: standard deviation of SmoothGrad's noise, as a fraction of the picture's range (PAIR: 0.15).
            seed: of SmoothGrad's noise.
            window: side of the occluding square: pixels from 1 on, below that a fraction of the picture's shorter
                side, of which it is an eighth where None. A larger one hides more, and is less sure where.
            fill: ``"grey"``, ``"black"`` or ``"blurred"``: what it hides the picture with.

    Returns:
        (H, W) float32. Signed methods are positive where the score gains; the others are not negative.

    Raises:
        ValueError: a method, layer, target, size or setting that cannot be. Before the work.
    """
    checks.one_of("method", method, METHODS)
    chosen = _settled(METHODS[method], settings)
    return METHODS[method].explain(ask(classifier, picture, target, layer=layer, maps=maps), **chosen)


def _settled(method: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a method, those that were given and the defaults of the rest. Raises ValueError.

    One call may go through all methods, so what only others take is checked and left out.
    """
    known = {setting.name: setting for one in (*METHODS.values(), method) for setting in one.settings}
    for name, value in given.items():
        checks.one_of("setting", name, known)
        known[name].check(value)
    return {one.name: given.get(one.name, one.default) for one in method.settings}
