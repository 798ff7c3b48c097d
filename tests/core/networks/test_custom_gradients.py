"""Gradients of one's own, and the graphs that they let go."""

import gc

import tensorflow as tf

from core.networks import custom_gradients


@custom_gradients.custom_gradient
def doubled(x):
    """As it is; its gradient is twice what comes."""
    return tf.identity(x), lambda upstream: 2 * upstream


def slope(function):
    point = tf.constant([3.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = tf.reduce_sum(function(point) ** 2)
    return tape.gradient(value, point).numpy().tolist()


def test_the_gradient_is_ours_everywhere():
    compiled = tf.function(doubled)
    assert slope(doubled) == [12, 16], "where nothing is compiled"
    assert slope(compiled) == [12, 16], "of a compiled function, from outside"
    assert tf.function(lambda: slope_inside(compiled))().numpy().tolist() == [12, 16], "in one that calls another"


def slope_inside(function):
    point = tf.constant([3.0, 4.0])
    return tf.gradients(tf.reduce_sum(function(point) ** 2), point)[0]


def test_graphs_are_let_go():
    gc.collect()
    before = set(custom_gradients._ROWS)
    compiled = tf.function(doubled)
    assert slope(compiled) == [12, 16]
    assert len(set(custom_gradients._ROWS) - before) >= 1
    del compiled
    gc.collect()
    assert set(custom_gradients._ROWS) <= before
