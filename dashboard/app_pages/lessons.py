"""The subject in steps of two minutes, on the live pages, for a teacher and a class."""

import streamlit as st

from dashboard import address, lessons, words, workbench
from dashboard.server import networks

name, picture = workbench.chosen()
net = networks.network(name)
titles = [f"{at}. {step.title}" for at, step in enumerate(lessons.STEPS, 1)]
at = lessons.number(address.value("step", default="1", most=3))
step = lessons.STEPS[at - 1]


def go(goal: int) -> None:
    """Another step, in a callback."""
    address.put(step=str(goal))


def contents() -> None:
    """All steps; a click goes to one."""
    with st.container(horizontal=True, gap="xsmall"):
        for number, title in enumerate(titles, 1):
            st.button(
                title,
                key=f"step_{number}",
                on_click=go,
                args=(number,),
                type="primary" if number == at else "secondary",
            )


st.title("Lessons")
st.markdown(
    f"How a network sees, in {len(titles)} steps of two minutes each, on the live pages. Every step has an address to "
    "hand out, works without the internet, and takes the network that is chosen beside it: "
    f"{words.text(networks.network_title(name))}."
)
contents()
left, right = st.columns(2, gap="large")
with left:
    st.header(titles[at - 1], anchor=False)
    st.markdown(step.says)
    st.markdown(f"**Do this.** {step.do}")
    with st.container(border=True, width="content"):
        st.page_link(
            f"app_pages/{step.page}.py", label="**Open the live page**", icon=":material/play_circle:",
            query_params={"network": name, "picture": picture, **step.address(net, at)},
        )  # fmt: skip
    st.markdown(f"**Think.** {step.question}")
    with st.expander("The answer", icon=":material/lightbulb:", key=f"answer_{at}"):
        st.markdown(step.answer)
    st.markdown(f"The paper behind it: {step.paper}.")
    with st.container(horizontal=True):
        st.button("Back", icon=":material/arrow_back:", key="back", on_click=go, args=(at - 1,), disabled=at == 1)
        last = at == len(titles)
        st.button("Next", icon=":material/arrow_forward:", key="next", on_click=go, args=(at + 1,), disabled=last)
with right:
    if step.image:
        st.image(str(lessons.ASSETS / step.image), alt=step.alt, width="stretch")
