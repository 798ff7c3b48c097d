"""Sets of pictures, in the code of scripts."""

from __future__ import annotations

from dashboard.server import sets

CODE = {
    "samples": "core.sample_tiles(size=net.size)",
    "digits": "core.as_set(core.resize(core.digits().pictures[:{most}], height=net.size[0], width=net.size[1]))",
    "cifar10": "core.cifar10(size=net.size, count={most})",
}
OWN = 'core.last(core.gather("my_pictures", size=net.size))'


def reading(source: str, size: tuple[int, int]) -> str:
    """Code that gives the set ``source`` at this size, that of ``net``: as many pictures of it as the page takes."""
    most = sets.most_pictures(size)
    return CODE.get(source, OWN).format(most=min(sets.CIFAR, most) if source == "cifar10" else most)
