const SIDE = 32;
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".paint");
  const image = root.querySelector("img");
  const canvas = root.querySelector("canvas");
  const pen = canvas.getContext("2d");
  canvas.width = canvas.height = SIDE;
  if (image.src !== data.image) image.src = data.image;
  root.setAttribute("aria-label", data.alt);
  const cells = new Uint8Array(SIDE * SIDE);
  if (data.cells) {
    const bytes = atob(data.cells.replaceAll("-", "+").replaceAll("_", "/"));
    cells.forEach((_, i) => { cells[i] = (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1; });
  }
  const colour = getComputedStyle(root).getPropertyValue("--st-primary-color") || "#0aa";
  function draw() {
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.fillStyle = colour;
    cells.forEach((on, i) => { if (on) pen.fillRect(i % SIDE, i / SIDE | 0, 1, 1); });
  }
  function place(event) {
    const box = canvas.getBoundingClientRect();
    const at = (value, side) => Math.min(Math.max(Math.floor(value / side * SIDE), 0), SIDE - 1);
    return [at(event.clientX - box.left, box.width), at(event.clientY - box.top, box.height)];
  }
  function fill(left, top, right, bottom) {
    for (let y = Math.max(top, 0); y <= Math.min(bottom, SIDE - 1); y++)
      for (let x = Math.max(left, 0); x <= Math.min(right, SIDE - 1); x++) cells[y * SIDE + x] = data.erase ? 0 : 1;
  }
  let from = null, kept = null;
  root.onpointerdown = event => {
    from = place(event);
    kept = cells.slice();
    root.setPointerCapture(event.pointerId);
    root.onpointermove(event);
  };
  root.onpointermove = event => {
    if (!from) return;
    const [x, y] = place(event);
    if (data.rectangle) {
      cells.set(kept);
      fill(Math.min(from[0], x), Math.min(from[1], y), Math.max(from[0], x), Math.max(from[1], y));
    } else fill(x - 1, y - 1, x + 1, y + 1);
    draw();
  };
  root.onpointerup = () => {
    if (!from) return;
    from = null;
    let text = "";
    for (let i = 0; i < cells.length; i += 8) {
      let byte = 0;
      for (let bit = 0; bit < 8; bit++) byte = byte * 2 + cells[i + bit];
      text += String.fromCharCode(byte);
    }
    setTriggerValue("painted", btoa(text).replaceAll("+", "-").replaceAll("/", "_"));
  };
  draw();
}
