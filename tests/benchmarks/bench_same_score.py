"""Time until units are as strongly excited as by the pictures of others: the Keras example and tf-keras-vis's default.

Units of EfficientNet-Lite0 with its weights, before their nonlinearity, pictures of 128 x 128. A peer makes its
pictures, in as many steps as it takes by default (30, and 200); what counts is the score of these as pictures, in
[0, 1]. Then ours, from Fourier and Adam: the steps after which at least three quarters of these units have a higher
score than the peer gave them are counted in a run that is not timed, and as many are timed in a run that starts from
nothing, tracing included.
"""

from __future__ import annotations

LAYER, SIDE, MOST = "block4a_expand_bn", 128, 256


def ours(file, units, part):
    import numpy as np

    import core
    from core.networks import efficientnet_lite
    from core.optimize.objectives import Channel

    model = efficientnet_lite.load()
    model.save(file)
    make = lambda: core.classifier(  # noqa: E731
        model, name="bench", size=(224, 224), preprocess=lambda x: x * 255 / 128 - 127 / 128
    )
    judge = make()

    def scores(pictures):
        return core.score(judge, Channel(LAYER), pictures, range(part)).numpy()

    def frames(steps):
        return core.maximize(make(), LAYER, range(units), size=SIDE, steps=steps)

    def run(pictures="", steps=0):
        """With the file of a peer's pictures: the steps that ours needs; else as many steps."""
        if not pictures:
            core.last(frames(steps)).images.numpy()
            return {}
        wanted = scores(np.load(pictures))
        net, state, done = make(), None, 0
        while done < MOST:
            frame = core.last(core.maximize(net, LAYER, range(part), size=SIDE, steps=1, state=state))
            state, done = frame.state, done + 1
            better = float((scores(frame.images) > wanted).mean())
            if better >= 0.75:
                break
        return {"steps": done, "better": better}

    return run


def keras_example(file, pictures, units, part):
    import keras
    import numpy as np

    from .bench_filters import pictures_of

    model = keras.models.load_model(file, compile=False)

    def run():
        found = np.stack(pictures_of(model, LAYER, range(part), side=SIDE, steps=30))
        np.save(pictures, np.clip((found * 128 + 127) / 255, 0, 1).astype(np.float32))
        return {"steps": 30, "times": units // part}

    return run


def tf_keras_vis(file, pictures, units, part):
    """Its ``ActivationMaximization`` as it comes: 200 steps of RMSprop from noise, its own views and regularizers."""
    import keras
    import numpy as np
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.scores import CategoricalScore

    inner = keras.models.load_model(file, compile=False)
    image = keras.Input((SIDE, SIDE, 3))
    cut = keras.Model(inner.inputs, inner.get_layer(LAYER).output)
    model = keras.Model(image, cut((image - 127.0) / 128.0))

    def run():
        seed = np.random.default_rng(0).uniform(0, 255, (part, SIDE, SIDE, 3)).astype(np.float32)
        explain = ActivationMaximization(model, clone=False)
        found = np.asarray(explain(CategoricalScore(list(range(part))), seed_input=seed))
        np.save(pictures, np.clip(found / 255, 0, 1).astype(np.float32))
        return {"steps": 200, "times": units // part}

    return run
