"""The methods of explaining, as data: what each is called, what it says, how it is computed and what can be set.

They are in the order in which they are shown and tried: the quickest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.settings import Setting
from core.techniques.attribution import cam, gradients, masked_maps, occlusion, relevance, rise
from core.techniques.attribution.question import Map, ask, scores_of
from core.types import Pictures


@dataclass(frozen=True)
class Method:
    """A way to explain.

    Attributes:
        title: its name on the screen.
        says: two sentences, with the paper.
        explain: a ``Question``, and the settings by name -> (H, W) float32.
        settings: what can be set.
        signed: whether a negative value says that the score loses; otherwise no value is negative.
        group: of ``GROUPS``.
        usual: whether it is shown where nobody chooses.
        quick: whether it takes a few passes through the network, and not dozens, and little to get ready.
        adds_up_to: of ``ENDS``, where the map adds up to the score, or to its change from another picture.
    """

    title: str
    says: str
    explain: Callable[..., Map]
    settings: tuple[Setting, ...] = ()
    signed: bool = False
    group: str = "gradients"
    usual: bool = True
    quick: bool = True
    adds_up_to: str = ""

    @property
    def layered(self) -> bool:
        """Whether it may look at the maps of any layer, as ``maps`` of ``attribute`` says."""
        return self.group in ("maps of a layer", "relevance")


GROUPS = ("gradients", "maps of a layer", "relevance", "hiding")
"""Of methods: what each looks at."""
ENDS: Mapping[str, Callable[[Pictures], Pictures | None]] = MappingProxyType(
    {"score": lambda _: None, "change": np.zeros_like, "sharpening": gradients.most_blurred}
)
"""What a map adds up to: the score of the picture, less that of the picture that each gives, where it gives one."""


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
            group="maps of a layer",
        ),
        "grad_cam_plus": Method(
            "Grad-CAM++",
            "Grad-CAM with weights that also find several things of one class "
            "([Chattopadhyay et al., 2017](https://arxiv.org/abs/1710.11063)).",
            cam.grad_cam_plus,
            group="maps of a layer",
        ),
        "hires_cam": Method(
            "HiRes-CAM",
            "Each place of each map times its own gradient: it marks only what the score used. At the last maps before "
            "global average pooling it is Grad-CAM ([Draelos & Carin, 2020](https://arxiv.org/abs/2011.08891)).",
            cam.hires_cam, group="maps of a layer", usual=False,
        ),
        "layer_cam": Method(
            "Layer-CAM",
            "Each place of each map times its positive gradient: fine detail also from early layers "
            "([Jiang et al., 2021](https://doi.org/10.1109/TIP.2021.3089943)).",
            cam.layer_cam, group="maps of a layer", usual=False,
        ),
        "xgrad_cam": Method(
            "XGrad-CAM",
            "Grad-CAM with gradients weighted by where each map is active "
            "([Fu et al., 2020](https://arxiv.org/abs/2008.02312)).",
            cam.xgrad_cam, group="maps of a layer", usual=False,
        ),
        "eigen_cam": Method(
            "Eigen-CAM",
            "The first principal component of the maps. It asks for no class: it shows what stands out in them "
            "([Muhammad & Yeasin, 2020](https://arxiv.org/abs/2008.00299)).",
            cam.eigen_cam, group="maps of a layer", usual=False,
        ),
        "lrp": Method(
            "LRP",
            "The score is handed back from layer to layer in parts that add up to it, on the network with its batch "
            "normalization folded ([Bach et al., 2015](https://doi.org/10.1371/journal.pone.0130140)).",
            relevance.lrp, (relevance.RULE,), signed=True, group="relevance", usual=False, adds_up_to="score",
        ),
        "fused_cam": Method(
            "Layer-CAM, fused",
            "Layer-CAM at the end of every stage, each brought to one scale, and the largest of them at each place: "
            "coarse layers say where, early ones where exactly ([Jiang et al., 2021]"
            "(https://doi.org/10.1109/TIP.2021.3089943)).",
            cam.fused_cam, group="maps of a layer", usual=False, quick=False,
        ),
        "integrated": Method(
            "Integrated gradients",
            "The gradient summed along the way from black to the picture: its parts add up to the change of the score "
            "([Sundararajan et al., 2017](https://arxiv.org/abs/1703.01365)).",
            gradients.integrated,
            (gradients.COUNT,),
            signed=True, adds_up_to="change", quick=False,
        ),
        "blur_integrated": Method(
            "Blurred integrated gradients",
            "The gradient summed along the way from a blurred picture to the sharp one, so that no colour is taken for "
            "nothing: its parts add up to the change ([Xu et al., 2020](https://arxiv.org/abs/2004.03383)).",
            gradients.blur_integrated,
            (gradients.COUNT,),
            signed=True, usual=False, quick=False, adds_up_to="sharpening",
        ),
        "expected": Method(
            "Expected gradients",
            "Integrated gradients from many photographs instead of from black: what the picture has and others have "
            "not. Drawn at random, so its parts add up only nearly "
            "([Erion et al., 2019](https://arxiv.org/abs/1906.10670)).",
            gradients.expected, (gradients.COUNT, gradients.SEED), signed=True, usual=False, quick=False,
        ),
        "smooth": Method(
            "SmoothGrad",
            "The mean gradient of 50 noisy copies, which takes the noise off "
            "([Smilkov et al., 2017](https://arxiv.org/abs/1706.03825)).",
            gradients.smooth,
            (gradients.COUNT, gradients.SPREAD, gradients.SEED), quick=False,
        ),
        "occlusion": Method(
            "Occlusion",
            "How much the score falls when a grey square hides each place. No gradient, nothing assumed "
            "([Zeiler & Fergus, 2013](https://arxiv.org/abs/1311.2901)).",
            occlusion.explain,
            (occlusion.WINDOW, occlusion.FILL),
            signed=True, group="hiding", quick=False,
        ),
        "ablation_cam": Method(
            "Ablation-CAM",
            "Each map weighted by what the score loses without it, no gradient "
            "([Desai & Ramaswamy, 2020](https://doi.org/10.1109/WACV45572.2020.9093360)).",
            masked_maps.ablation_cam, group="maps of a layer", usual=False, quick=False,
        ),
        "score_cam": Method(
            "Score-CAM",
            "The picture is seen through each map, and the maps are weighted by its scores. Of the strongest maps: all "
            "of them are too slow ([Wang et al., 2019](https://arxiv.org/abs/1910.01279)).",
            masked_maps.score_cam, (masked_maps.CHANNELS,), group="maps of a layer", usual=False, quick=False,
        ),
        "rise": Method(
            "RISE",
            "Half of the picture is hidden at random, many times, and the score is compared with what was to be seen "
            "([Petsiuk et al., 2018](https://arxiv.org/abs/1806.07421)).",
            rise.rise, (rise.MASKS, gradients.SEED), signed=True, group="hiding", usual=False, quick=False,
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
    against: int | None = None,
    **settings: Any,
) -> Map:
    """Explain one score of one picture.

    Args:
        classifier, picture: the network; (H, W, 3) or (1, H, W, 3) RGB in [0, 1], of a size at which it runs.
        target: a class, or a channel of ``layer``, whose mean over the map is then the score.
        method: a name of ``METHODS``.
        layer: ``LOGITS``, or any layer.
        maps: the layer whose maps Grad-CAM and its kin weigh; the last one with height and width before ``layer`` where
            None. The layer at which the relevance of LRP is shown; the picture where None.
        against: another class or channel, whose score is taken off: why this one rather than that?
        settings: by name, what ``METHODS[method].settings`` says; those of other methods change nothing.
            count: 2 to 1000 points of the way (integrated gradients and their kin) or noisy copies (SmoothGrad); more
                are smoother.
            spread: standard deviation of SmoothGrad's noise, as a fraction of the picture's range (PAIR: 0.15).
            seed: of SmoothGrad's noise, of RISE's masks, and of what expected gradients draw.
            channels: 1 to 4096 of the strongest maps, for Score-CAM.
            masks: 8 to 8000 random masks of RISE; more are less noisy.
            rule: of LRP: ``"EpsilonPlusFlat"``, ``"epsilon"`` or ``"z+"``.
            window: side of the occluding square: pixels from 1 on, below that a fraction of the picture's shorter
                side, of which it is an eighth where None. A larger one hides more, and is less sure where.
            fill: ``"grey"``, ``"black"`` or ``"blurred"``: what it hides the picture with.

    Returns:
        (H, W) float32. Signed methods are positive where the score gains; the others are not negative.

    Raises:
        ValueError: a method, layer, target, size or setting that cannot be. Before the work.
    """
    checks.one_of("method", method, METHODS)
    chosen = settled(METHODS[method], settings)
    return METHODS[method].explain(ask(classifier, picture, target, layer=layer, maps=maps, against=against), **chosen)


def settled(method: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a method, those that were given and the defaults of the rest. Raises ValueError.

    One call may go through all methods, so what only others take is checked and left out.
    """
    known = {setting.name: setting for one in (*METHODS.values(), method) for setting in one.settings}
    for name, value in given.items():
        checks.one_of("setting", name, known)
        known[name].check(value)
    return {one.name: given.get(one.name, one.default) for one in method.settings}


def emptiness(method: str, attribution: Map) -> str:
    """Why a map is zero everywhere, as a sentence; empty for one that is not. Raises ValueError for no such method."""
    checks.one_of("method", method, METHODS)
    if np.abs(attribution).max() > 0:
        return ""
    if METHODS[method].group == "maps of a layer":
        return "All evidence is against it: no place of these maps raises the score, so nothing is to be marked."
    return "Nothing in the picture changes this score: its unit is inactive here."


def conservation(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    attribution: Map,
    *,
    method: str,
    layer: str = LOGITS,
    against: int | None = None,
) -> tuple[float, float] | None:
    """What a map adds up to, and what it should; None for a method whose map need not add up to anything.

    Arguments and errors are those of ``attribute``, which made the ``attribution``.
    """
    aim = METHODS[checks.one_of("method", method, METHODS)].adds_up_to
    question = ask(classifier, picture, target, layer=layer, against=against)
    if not aim:
        return None
    own, start = float(scores_of(question, question.picture)[0]), ENDS[aim](question.picture)
    before = 0.0 if start is None else float(scores_of(question, start)[0])
    return float(np.sum(attribution, dtype=np.float64)), own - before
