"""What is asked of a technique where nobody says anything else: one place, for the pages and for the command line."""

from __future__ import annotations

from collections.abc import Sequence

import core
from dashboard.recipes.attack import AttackRecipe
from dashboard.recipes.dream import Dream
from dashboard.recipes.embed import Embed
from dashboard.recipes.explain import Explain
from dashboard.recipes.invert import Invert
from dashboard.recipes.look import Look
from dashboard.recipes.maximize import Maximize
from dashboard.recipes.unit import Unit
from dashboard.server import networks, results

MANY = core.Setting("many", "How many", 16, (8, 16, 32, 64, 256))
LAYERS = 8
LARGE, FEWER_STEPS = 128, 48
"""For a network of larger pictures, each step of which takes several times as long, fewer steps are usual."""


def looked_at(net: core.Classifier) -> str:
    """The layer whose channels are shown."""
    stages = core.stages(net)
    return stages[len(stages) // 2].layer


def maximized(net: core.Classifier) -> str:
    """The layer whose units are maximized."""
    stages = core.stages(net)
    return stages[max(0, len(stages) - 2)].layer


def inverted(net: core.Classifier) -> list[str]:
    """The layers that a picture is made from again."""
    return [stage.layer for stage in core.stages(net)][-LAYERS:]


def inversion_steps(net: core.Classifier) -> int:
    """How many steps that takes."""
    return FEWER_STEPS if max(net.size) > LARGE else Invert.steps


def mapped(net: core.Classifier) -> str:
    """The layer whose codes place the pictures of a map: the last before the answers."""
    return [*net.layers, *(stage.layer for stage in core.stages(net))][-1]


def factorized(net: core.Classifier) -> tuple[str, list[str]]:
    """The layer whose concepts are shown, the last stage with a map, and all that have maps. Raises ValueError."""
    able = [one for one, info in net.layers.items() if info.spatial and info.channels > 1]
    if not able:
        raise ValueError(f"Expected a network whose layers have maps, got {net.name}, which has none")
    return [able[-1], *(stage.layer for stage in core.stages(net) if stage.layer in able)][-1], able


def explained(net: core.Classifier) -> str:
    """What is explained: an answer, or where a network has none, its last layer."""
    layers = [one for one, info in net.layers.items() if len(info.shape) in (1, 3)]
    return core.LOGITS if net.labels else layers[-1]


def excited(stages: Sequence[core.Stage], net: core.Classifier) -> str:
    """The layer of the unit that is looked at in detail."""
    return stages[-2 if len(stages) > 1 else -1].layer if stages else next(iter(net.layers))


def projection(net: core.Classifier) -> str:
    """How patches are carried back to the pixels."""
    pools = any(info.kind == "MaxPooling2D" for info in net.layers.values())
    return core.PROJECTIONS[0 if pools else 1]


def target(attack: core.Attack, net: core.Classifier) -> str:
    """The answer that an attack leads to, empty where it leads away from the network's own."""
    if attack.targeted is not None or not net.labels:
        return ""
    return "goldfish" if "goldfish" in net.labels else net.labels[0]


def norm(attack: core.Attack, name: str = "") -> tuple[str, float | None]:
    """The norm of an attack and its epsilon, in the unit of pictures; None for an attack without one."""
    if not attack.norms:
        return AttackRecipe.norm, None
    chosen = core.NORMS[name or attack.norms[0]]
    return name or attack.norms[0], chosen.radius(chosen.usual)


def look(network: str, picture: str, layer: str = "") -> Look:
    """Activations."""
    return Look(network, picture, layer or looked_at(networks.network(network)))


def maximize(network: str, picture: str, layer: str = "", many: int = MANY.default) -> Maximize:
    """The units of a layer that are strongest on a picture."""
    layer = layer or maximized(networks.network(network))
    return Maximize(network, layer, results.strongest(network, picture, layer)[:many])


def dream(network: str, picture: str) -> Dream:
    """A dream."""
    return Dream(network, picture, layers=tuple(core.dream_layers(networks.network(network), Dream.preset).items()))


def attack(network: str, picture: str, name: str = AttackRecipe.attack, norm_name: str = "") -> AttackRecipe:
    """An attack of the catalogue."""
    row = core.ATTACKS[name]
    measure, epsilon = norm(row, norm_name)
    return AttackRecipe(network, picture, name, measure, epsilon, target(row, networks.network(network)))


def explain(network: str, picture: str, layer: str = "") -> Explain:
    """Why the network's own answer, or the strongest channel of a layer."""
    net = networks.network(network)
    layer = layer or explained(net)
    if layer == core.LOGITS:
        return Explain(network, picture, layer, net.labels.index(results.prediction(network, picture)[0][0]))
    return Explain(network, picture, layer, results.strongest(network, picture, layer)[0])


def invert(network: str, picture: str) -> Invert:
    """An inversion of all stages."""
    net = networks.network(network)
    return Invert(network, picture, tuple(inverted(net)), steps=inversion_steps(net))


def unit(network: str, picture: str, layer: str, channel: int) -> Unit:
    """A unit over the samples."""
    return Unit(network, picture, "samples", layer, channel, projection(networks.network(network)))


def embed(network: str) -> Embed:
    """The sample pictures and their tiles."""
    return Embed(network, "tiles", mapped(networks.network(network)))
