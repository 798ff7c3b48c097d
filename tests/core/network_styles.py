"""One list of layers as networks of several styles, for the tests of what works on all of them; made for 24 x 40."""

import keras
from keras import layers as L  # noqa: N812

SIZE = (24, 40)


class Subclassed(keras.Model):
    """A network whose layers are called by code of its own."""

    def __init__(self, parts):
        super().__init__(name="subclassed")
        self.parts = parts

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


def sequential(parts, channels=3):
    return keras.Sequential([L.Input((*SIZE, channels)), *parts], name="sequential")


def functional(parts, channels=3):
    x = image = keras.Input((*SIZE, channels), name="image")
    for part in parts:
        x = part(x)
    return keras.Model(image, x, name="functional")
