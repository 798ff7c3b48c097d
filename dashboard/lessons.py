"""The lessons: steps as data, and the bar that leads from a live page back to them and on.

A step opens a live page with its settings in the address, which carries ``lesson=N``; where that is, the frame draws
the bar. ``/lessons?step=N`` is the address of a step, which a teacher hands out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

import core

PAGES = Path(__file__).parent / "app_pages"
ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Step:
    """Two minutes.

    Attributes:
        title: what it is about.
        says: two sentences.
        do: one thing to do on the live page.
        page: that page, by its file and address.
        question: to be thought about.
        answer: to it.
        paper: behind it, as a link in Markdown.
        settings: of the page, by their names in its address.
        stage: which of the network's stages the page shows, counted from the first, or from the last below zero.
        image: a picture of ``assets`` that shows what it is about, "" for none.
        alt: that picture in words.
    """

    title: str
    says: str
    do: str
    page: str
    question: str
    answer: str
    paper: str
    settings: Mapping[str, str] = field(default_factory=dict)
    stage: int | None = None
    image: str = ""
    alt: str = ""

    def address(self, net: core.Classifier, number: int) -> dict[str, str]:
        """The settings of the live page for a network, with the number of the step, from 1."""
        stages = core.stages(net)
        layer = {} if self.stage is None or not stages else {"layer": stages[self.stage].layer}
        return {**layer, **self.settings, "lesson": str(number)}


_STEPS = (
    Step(
        "What a convolution does",
        "A convolution slides one small pattern of weights over the picture and writes down, at every place, how well "
        "the picture fits it. Each pattern gives one map, called a channel: bright where the pattern was found.",
        "Click the channels one after the other, and find one that answers to vertical edges only.",
        "activations",
        "The test card has edges in every direction. Why is each channel bright in some of them only?",
        "Its pattern of weights is an edge of one direction: where the edge in the picture runs the same way, products "
        "of weight and pixel add up; where it runs across, they cancel.",
        "[LeCun et al., 1998: Gradient-based learning applied to document recognition]"
        "(http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf)",
        {"picture": "shapes"}, 0, "activations.jpg", "A test card in the first layer: a wall of channels, one large",
    ),
    Step(
        "What layer 1 sees",
        "A unit of the first layer sees a few pixels only. The real patches that excite it most are as small as that: "
        "an edge, a spot, one colour against another.",
        "Type other numbers into Unit, and say of each in one word what its nine patches share.",
        "units",
        "Nobody told the network to look for edges. Why do nearly all networks begin with them?",
        "Edges and colour contrasts are what natural pictures are made of, and every later layer can be built on them. "
        "Whatever a network is trained for, learning finds them first.",
        "[Zeiler and Fergus, 2013: Visualizing and understanding convolutional networks]"
        "(https://arxiv.org/abs/1311.2901)",
        {"show": "unit"}, 0, "units.jpg", "Patches of photographs that excite units, beside what in them does it",
    ),
    Step(
        "From edges to things",
        "Every layer looks at the maps of the one before, so its units see more of the picture and combine more. Edges "
        "become textures, textures become parts, and parts become things.",
        "Scroll from the first stage to the last, and note where you first recognize a thing.",
        "units",
        "In which stage would you look for a unit that answers to dogs, and in which for one that answers to fur?",
        "Fur is a texture, which needs a small surrounding: the middle stages. A dog needs eyes, nose and ears in "
        "their places, so only the last stages see enough of the picture.",
        "[Zeiler and Fergus, 2013, figure 2](https://arxiv.org/abs/1311.2901)",
        {}, None, "units.jpg", "Patches of photographs that excite units, stage by stage",
    ),
    Step(
        "What a unit likes",
        "Instead of searching among photographs one can draw what a unit likes most: start from noise, and change the "
        "pixels a little, again and again, so that the unit answers more. What appears was in the weights.",
        "Click a tile, then follow Its top patches: do the drawing and the photographs agree?",
        "filters",
        "Why does the drawing repeat the same eye or curl many times?",
        "The score is the mean over all places of the map. Every further copy of the pattern raises it, so the drawing "
        "is filled with copies.",
        "[Olah et al., 2017: Feature visualization](https://distill.pub/2017/feature-visualization)",
        {}, None, "filters_efficientnet_lite0.jpg", "Units of each stage, maximized: textures, eyes, fur, wheels",
    ),
    Step(
        "What the network dreams",
        "Let a whole layer raise whatever it already sees a little of in a photograph. It is gradient ascent as "
        "before, but from your picture, and at several sizes.",
        "Press Dream, and look for animals that are not in the photograph.",
        "dream",
        "Why so many dogs, birds and eyes?",
        "Two fifths of ImageNet's thousand classes are animals, 120 of them breeds of dogs. The network sees in the "
        "grass what it has learned to look for.",
        "[Mordvintsev et al., 2015: Inceptionism](https://research.google/blog/"
        "inceptionism-going-deeper-into-neural-networks/)",
        {"picture": "grass"}, None, "dreams.jpg", "Three photographs, and what the network dreams into them",
    ),
    Step(
        "How it is fooled",
        "The same gradient can change a picture so little that nobody sees it, and still turn the answer into another. "
        "Here no number changes by more than one step of 255.",
        "Press Run for a picture of yours, then move the Strength of the perturbation to 0 and back.",
        "attack",
        "The change looks like noise. Would the same amount of random noise fool the network, too?",
        "Hardly ever. The change was chosen so that all its tiny parts push the answer in one direction; random ones "
        "cancel each other.",
        "[Goodfellow et al., 2014: Explaining and harnessing adversarial examples](https://arxiv.org/abs/1412.6572)",
        {}, None, "attack.jpg", "A photograph, a change that nobody sees, and the answer that it turns into another",
    ),
    Step(
        "Why it answered so",
        "Which pixels was the answer made of? Nine methods each draw a map of it: red speaks for the answer, blue "
        "against.",
        "Find two methods that disagree about the cat, then click a place to hide it and see what happens.",
        "why",
        "How could one tell whether a map shows the network's reasons, or only the edges of the picture?",
        "Shuffle the network's weights: a map that stays the same has nothing to do with what it learned. Look closer "
        "does just this.",
        "[Adebayo et al., 2018: Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292)",
        {"picture": "cat"}, None, "why.jpg", "Nine maps over one photograph, which do not agree",
    ),
    Step(
        "How the answer comes about",
        "The last layers turn maps into one number for each class, to which each channel gives a part: its activation "
        "times the slope of the answer in it. From the last maps on that is plain arithmetic, and all parts add up.",
        "Click the channel that gives most, then set its activation to off: is as much lost as it gave?",
        "contributions",
        "The most active channels and those that give most are not the same. How can a channel be very active, and "
        "give nothing?",
        "Its weight to this answer is near zero: it found something that does not matter for this class, or that "
        "speaks for another one.",
        "[Olah et al., 2018: The building blocks of interpretability](https://distill.pub/2018/building-blocks/)",
        {"picture": "cat"},
    ),
    Step(
        "What it forgets",
        "Keep only what a layer says of a picture, and draw a picture that makes it say the same. What differs from "
        "the photograph is what the layer has forgotten.",
        "Compare the first and the last drawing: what is still there, what has moved, what is gone?",
        "inversion",
        "Is it bad that the last layers forget where things are?",
        "No: a cat is a cat wherever it sits. To name things well a network has to forget what does not matter for the "
        "name.",
        "[Mahendran and Vedaldi, 2014: Understanding deep image representations by inverting them]"
        "(https://arxiv.org/abs/1412.0035)",
        {}, None, "inversion_efficientnet_lite0.jpg", "Two photographs, drawn again from shallow and from deep layers",
    ),
    Step(
        "What it memorizes",
        "A network can be trained until it names every training picture right, even where the labels are thrown by "
        "dice. Then it has learned the pictures by heart, and nothing that helps with new ones.",
        "Press Run, and compare the two: how fast each fits what it is told, and how it does on new pictures.",
        "memorize",
        "Both networks name all training pictures right. How do you tell them apart?",
        "Ask them about pictures that they have not seen: one still names many of them, the other guesses.",
        "[Zhang et al., 2016: Understanding deep learning requires rethinking generalization]"
        "(https://arxiv.org/abs/1611.03530)",
        {}, None, "memorize.jpg", "Curves of two networks: both fit what they are told, one knows nothing new",
    ),
    Step(
        "Who is alike",
        "A layer's numbers put every picture at a place, and those that the network takes for alike lie side by side. "
        "The first layers sort by colour and texture, the last by what the picture shows.",
        "Set Layer to an early one, and look at how the neighbours of your picture change.",
        "map",
        "Two pictures lie side by side in the first layer and far apart in the last. What do they have in common?",
        "Colour and texture, but not the thing: an orange flower and an orange cup, for example.",
        "[van der Maaten and Hinton, 2008: Visualizing data using t-SNE]"
        "(https://www.jmlr.org/papers/v9/vandermaaten08a.html)",
        {}, None, "map.jpg", "Pictures laid out so that those which the network takes for alike lie side by side",
    ),
)  # fmt: skip

STEPS = tuple(step for step in _STEPS if (PAGES / f"{step.page}.py").is_file())
"""Those whose page there is."""


def number(asked: str) -> int:
    """The step that an address asks for, from 1; the first for whatever is none."""
    return int(asked) if asked.isdecimal() and len(asked) < 4 and 1 <= int(asked) <= len(STEPS) else 1


def bar() -> None:
    """On a live page that a step has opened: what to do there, and the way back and on."""
    asked = st.query_params.get("lesson", "")
    if not asked.isdecimal() or number(asked) != int(asked):
        return
    at = number(asked)
    step = STEPS[at - 1]
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Lesson {at} of {len(STEPS)}: {step.title}.** {step.do}")
        for label, icon, goal in (("Question", "arrow_back", at), ("Next", "arrow_forward", at + 1)):
            if goal <= len(STEPS):
                st.page_link(
                    "app_pages/lessons.py", label=label, icon=f":material/{icon}:", query_params={"step": str(goal)}
                )
