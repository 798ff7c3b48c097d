export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".thumbnails");
  list.setAttribute("aria-label", data.label);
  const had = list.contains(parentElement.activeElement ?? document.activeElement);
  const buttons = data.titles.map((title, index) => {
    const button = list.children[index] ?? list.appendChild(document.createElement("button"));
    const image = button.querySelector("img") ?? button.appendChild(document.createElement("img"));
    if (image.src !== data.images[index]) image.src = data.images[index];
    image.alt = button.title = title;
    button.setAttribute("role", "option");
    button.setAttribute("aria-selected", index === data.chosen);
    button.tabIndex = index === Math.max(data.chosen, 0) ? 0 : -1;
    button.onclick = () => setTriggerValue("picked", index);
    return button;
  });
  while (list.children.length > buttons.length) list.lastChild.remove();
  if (had) list.querySelector('[tabindex="0"]')?.focus();

  // One stop of the Tab key; from there the arrows lead on, and Enter or Space chooses, as on every button.
  list.onkeydown = event => {
    const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const at = buttons.indexOf(event.target);
    if (step === undefined || at < 0) return;
    const next = buttons[at + step];
    if (next) {
      buttons[at].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
    event.preventDefault();
  };
}
