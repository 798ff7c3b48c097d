"""What a convolutional network sees, as functions. No Streamlit, no plots, no files written unless a path is given.

Pictures are float32 (N, H, W, 3) RGB in [0, 1] everywhere; height comes before width.

The map of the package:

    images          files and bytes <-> pictures; resize, tile, encode; everything hostile stops here
    videos          the beginning of a film file -> pictures
    samples         photographs that come with scikit-image and scikit-learn, and a drawn test card
    graphs          a Keras network of any style, read as a flat list of layer calls; receptive fields
    classifiers     Classifier: network, preprocessing, labels, layers; taps
    zoo             where classifiers come from: the networks in the box, keras.applications; ``load``
    activations     feature maps, their statistics, kernels, predictions
    objectives      what to raise: Channel, Neuron, Logit, Direction, Energy, Diversity, CrossEntropy; + - *
    canvases        what is optimized and how it becomes a picture: Pixels, Fourier, MaCo
    transforms      random differentiable views: Pad, Jitter, Zoom, Turn, ..., Chain
    ascent          Frame, ``ascend`` (the one loop), the updates Climb and Adam
    folding         a network with its batch normalisation folded away, for speed
    filters         ``maximize``: the pictures that units like most; published presets
    dream           ``dream``: octaves, tiles, guides and masks; ``dream_zoom`` and ``dream_video`` make films
    attacks         FGSM, PGD, DeepFool, Carlini & Wagner, ...; norms, rounding to 8 bits, minimal epsilon
    attribution     gradients, guided backprop, DeconvNet, Grad-CAM, integrated gradients, occlusion
    defences        what may be done to a picture before it is believed: JPEG, blur, ...
    bundled/        the networks that this project trained, their cards, and the script that trained them

A technique is one module that uses the ones above and no other technique.

    >>> import core
    >>> net = core.load(core.available()[0])
    >>> photo = core.open_image("photo.jpg")
    >>> core.predict(net, photo)[0]
    >>> core.activations(net, core.seen_by(net, photo), ["conv4_2_relu"])["conv4_2_relu"].shape
    >>> core.last(core.maximize(net, "conv4_2_relu", [0, 1, 2], size=128, steps=64, seed=0)).images.shape
"""

from core import samples
from core.activations import Statistics, activations, changes, encode_npz, kernels, maps, predict, seen_by, statistics
from core.ascent import Estimate, Frame, State, ascend, last, score
from core.attacks import (
    ATTACKS,
    NORMS,
    Attack,
    attack,
    bim,
    carlini_wagner,
    deepfool,
    distance,
    epsilon_curve,
    few_pixels,
    fgsm,
    fools,
    logits_of,
    mifgsm,
    minimal_epsilon,
    patch,
    pgd,
    rounded,
    square,
    universal,
)
from core.attribution import METHODS, Method, attribute, insertion_deletion, occluded, occlusion, randomised, similarity
from core.classifiers import LOGITS, Classifier, LayerInfo, ReceptiveField, Stage, classifier, stages
from core.defences import DEFENCES, defended
from core.dream import (
    DREAMS,
    Dreaming,
    DreamPreset,
    dream,
    dream_layers,
    dream_video,
    dream_zoom,
    estimate_dream,
    painted_mask,
)
from core.filters import PRESETS, Preset, awake, estimate, maximize
from core.images import (
    digest,
    encode_gif,
    encode_jpeg,
    encode_mp4,
    encode_png,
    fit,
    open_image,
    read_png_metadata,
    resize,
    shrink,
    tile,
    to_float,
    to_uint8,
)
from core.videos import Film, open_video
from core.zoo import applications, available, card, download, load

__all__ = [
    "ATTACKS",
    "DEFENCES",
    "DREAMS",
    "LOGITS",
    "METHODS",
    "NORMS",
    "PRESETS",
    "Attack",
    "Classifier",
    "DreamPreset",
    "Dreaming",
    "Estimate",
    "Film",
    "Frame",
    "LayerInfo",
    "Method",
    "Preset",
    "ReceptiveField",
    "Stage",
    "State",
    "Statistics",
    "activations",
    "applications",
    "ascend",
    "attack",
    "attribute",
    "available",
    "awake",
    "bim",
    "card",
    "carlini_wagner",
    "changes",
    "classifier",
    "deepfool",
    "defended",
    "digest",
    "distance",
    "download",
    "dream",
    "dream_layers",
    "dream_video",
    "dream_zoom",
    "encode_gif",
    "encode_jpeg",
    "encode_mp4",
    "encode_npz",
    "encode_png",
    "epsilon_curve",
    "estimate",
    "estimate_dream",
    "few_pixels",
    "fgsm",
    "fit",
    "fools",
    "insertion_deletion",
    "kernels",
    "last",
    "load",
    "logits_of",
    "maps",
    "maximize",
    "mifgsm",
    "minimal_epsilon",
    "occluded",
    "occlusion",
    "open_image",
    "open_video",
    "painted_mask",
    "patch",
    "pgd",
    "predict",
    "randomised",
    "read_png_metadata",
    "resize",
    "rounded",
    "samples",
    "score",
    "seen_by",
    "shrink",
    "similarity",
    "square",
    "stages",
    "statistics",
    "tile",
    "to_float",
    "to_uint8",
    "universal",
]
