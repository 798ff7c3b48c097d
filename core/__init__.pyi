"""The public names of the package, each read from its module when it is first used: see ``__init__.py``."""

from .networks.activations import (
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
from .networks.cards import applications, available, card, imagenet_labels
from .networks.classifiers import (
    LOGITS,
    Classifier,
    LayerInfo,
    ReceptiveField,
    Stage,
    classifier,
    connections,
    stages,
)
from .networks.containers import NETWORK_FILES
from .networks.detection import PreprocessingFinding, detect_preprocessing
from .networks.files import Report, inspect
from .networks.imagenet_groups import imagenet_group
from .networks.labels import LABEL_FILES, read_labels
from .networks.outputs import Output, kinds_for
from .networks.preprocessing import NORMALIZATIONS, Normalization, normalization
from .networks.unit_index import UnitIndex, index_units
from .networks.zoo import download, load, load_file
from .optimize.ascent import Estimate, Frame, State, ascend, last, score
from .pauses import pausing
from .pictures import samples
from .pictures.decoding import open_image, read_png_metadata
from .pictures.encoding import encode_gif, encode_jpeg, encode_mp4, encode_png
from .pictures.formats import OTHER_PICTURE_FILES, PICTURE_FILES
from .pictures.images import digest, fit, resize, shrink, tile, to_float, to_uint8
from .pictures.sets import PictureSet, as_set, cifar10, fingerprint, gather, sample_tiles, tiles
from .pictures.videos import Video, open_video
from .settings import Setting
from .techniques.attacks.black_box import few_pixels, square
from .techniques.attacks.catalogue import ATTACKS, Attack, attack
from .techniques.attacks.defences import DEFENCES, defended
from .techniques.attacks.evaluate import epsilon_curve, minimal_epsilon
from .techniques.attacks.gradient import bim, fgsm, mifgsm, pgd, universal
from .techniques.attacks.judge import fools, logits_of
from .techniques.attacks.minimal import carlini_wagner, deepfool
from .techniques.attacks.norms import NORMS, distance
from .techniques.attacks.patch import patch
from .techniques.attacks.rounding import rounded
from .techniques.attribution import (
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
from .techniques.circuits import (
    PICTURE,
    PROBABILITIES,
    Dissection,
    Line,
    Terms,
    dissect,
)
from .techniques.codes import EMBEDDINGS, codes, embed, grid_layout, nearest
from .techniques.dream import (
    DREAMS,
    Between,
    DreamFrame,
    Dreaming,
    DreamPreset,
    dream,
    dream_frame,
    dream_layers,
    dream_video,
    dream_zoom,
    estimate_dream,
    painted_mask,
)
from .techniques.filters import PRESETS, Preset, active_units, estimate, maximize
from .techniques.inversion import (
    INVERSIONS,
    Inversion,
    caricature,
    estimate_inversion,
    feature_distance,
    invert,
    pixel_distance,
)
from .techniques.live import Look, look
from .techniques.units import PROJECTIONS, Patches, ablate, around_grey, patches, projection

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
    "PICTURE",
    "PICTURE_FILES",
    "PRESETS",
    "PROBABILITIES",
    "PROJECTIONS",
    "Attack",
    "Between",
    "Classifier",
    "Dissection",
    "DreamFrame",
    "DreamPreset",
    "Dreaming",
    "Estimate",
    "Frame",
    "Inversion",
    "LayerInfo",
    "Line",
    "Look",
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
    "Terms",
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
    "dissect",
    "distance",
    "download",
    "dream",
    "dream_frame",
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
    "look",
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
