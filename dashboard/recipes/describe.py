"""A network in numbers, as a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dashboard.recipes.base import Recipe

BODY = """\
print(net.name, net.size, net.network.count_params(), "parameters,", len(net.labels), "answers")
lines = ["layer,kind,shape,parameters"]
for info in net.layers.values():
    lines.append(f"{info.name},{info.kind},{'x'.join(map(str, info.shape))},{info.parameters}")
Path("layers.csv").write_text("\\n".join(lines) + "\\n")
print("\\n".join(lines))
"""


@dataclass(frozen=True)
class Describe(Recipe):
    """The table of a network's layers."""

    technique: ClassVar[str] = "network"

    def _body(self) -> str:
        return BODY
