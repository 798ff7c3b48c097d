export default function ({ data, parentElement, setTriggerValue }) {
  const wall = parentElement.querySelector(".wall");
  const image = wall.querySelector("img");
  const [hover, chosen] = wall.querySelectorAll(".mark");
  const label = wall.querySelector("output");
  const { columns, labels } = data;
  const rows = Math.ceil(labels.length / columns);
  if (image.src !== data.image) image.src = data.image;
  image.alt = data.alt;
  image.style.imageRendering = data.smooth ? "auto" : "pixelated";
  wall.setAttribute("aria-label", data.alt);

  function put(mark, tile) {
    const shown = tile >= 0 && tile < labels.length;
    mark.style.display = shown ? "block" : "none";
    mark.style.left = `${(tile % columns) / columns * 100}%`;
    mark.style.top = `${Math.floor(tile / columns) / rows * 100}%`;
    mark.style.width = `${100 / columns}%`;
    mark.style.height = `${100 / rows}%`;
    return shown;
  }
  function tell(tile) {
    label.style.display = put(hover, tile) ? "block" : "none";
    if (label.style.display === "none") return;
    label.textContent = labels[tile];
    const left = (tile % columns) / columns;
    label.style.left = left < 0.6 ? `${left * 100}%` : "auto";
    label.style.right = left < 0.6 ? "auto" : `${(1 - left - 1 / columns) * 100}%`;
    label.style.top = `calc(${(Math.floor(tile / columns) + 1) / rows * 100}% + 4px)`;
  }
  function under(event) {
    const box = image.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / box.width * columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    return column < 0 || column >= columns ? -1 : row * columns + column;
  }
  let at = data.chosen;
  put(chosen, data.chosen);
  wall.onmousemove = event => tell(under(event));
  wall.onmouseleave = () => tell(-1);
  wall.onclick = event => {
    const tile = under(event);
    if (tile < 0 || tile >= labels.length) return;
    at = tile;
    put(chosen, tile);
    setTriggerValue("picked", tile);
  };
  wall.onkeydown = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step !== undefined) {
      at = Math.min(Math.max(at + step, 0), labels.length - 1);
      tell(at);
    } else if (event.key === "Enter" || event.key === " ") {
      put(chosen, at);
      setTriggerValue("picked", at);
    } else return;
    event.preventDefault();
  };
}
