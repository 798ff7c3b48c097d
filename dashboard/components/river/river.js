export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".river");
  const svg = box.querySelector("svg");
  const told = box.querySelector("output");
  const least = 110 * data.stages.length, height = 460, head = 34, bar = 14, edge = 10;
  box.setAttribute("aria-label", data.alt);

  function make(parent, name, attributes, text) {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (text !== undefined) one.textContent = text;
    parent.append(one);
    return one;
  }
  function tell(element, words) {
    element.addEventListener("mousemove", event => {
      const frame = box.getBoundingClientRect();
      told.textContent = words;
      told.style.display = "block";
      const left = event.clientX - frame.left;
      told.style.left = `${box.scrollLeft + Math.max(0, Math.min(left + 12, frame.width - told.offsetWidth - 4))}px`;
      told.style.top = `${event.clientY - frame.top + 14}px`;
    });
    element.addEventListener("mouseleave", () => { told.style.display = "none"; });
  }
  function draw() {
    const width = Math.max(box.clientWidth, least);
    const at = x => edge + x * (width - 2 * edge - bar);
    const down = y => head + y * (height - head - 4);
    svg.replaceChildren();
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    data.stages.forEach((stage, index) => {
      const last = index === data.stages.length - 1, x = at(index / (data.stages.length - 1));
      const anchor = index === 0 ? "start" : last ? "end" : "middle";
      make(svg, "text", { class: "stage", x: index === 0 ? x : last ? x + bar : x + bar / 2, y: 12, "text-anchor": anchor }, stage);
    });
    for (const link of data.links) {
      const [x0, x1] = [at(link.x0) + bar, at(link.x1)], [y0, y1] = [down(link.y0), down(link.y1)];
      const middle = (x0 + x1) / 2;
      const path = make(svg, "path", { class: link.kind, d: `M${x0},${y0}C${middle},${y0} ${middle},${y1} ${x1},${y1}`,
        "stroke-width": Math.max(1, link.width * (height - head - 4)) });
      tell(path, link.says);
    }
    data.nodes.forEach((node, index) => {
      const x = at(node.x), y = down(node.y), tall = Math.max(2, node.height * (height - head - 4));
      const group = make(svg, "g", { class: node.kind });
      make(group, "rect", { x, y, width: bar, height: tall });
      const end = node.x === 1;
      make(group, "text", { x: end ? x - 4 : x + bar + 4, y: y + tall / 2, "text-anchor": end ? "end" : "start" }, node.label);
      tell(group, node.says);
      if (node.kind !== "unit") return;
      make(group, "rect", { class: "reach", x: x - 2, y: y - 3, width: 58, height: Math.max(tall + 6, 18) });
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", node.says);
      group.onclick = () => setTriggerValue("picked", index);
      group.onkeydown = event => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        setTriggerValue("picked", index);
      };
    });
  }
  draw();
  const watching = new ResizeObserver(() => { if (Math.abs(svg.clientWidth - Math.max(box.clientWidth, least)) > 1) draw(); });
  watching.observe(box);
  return () => watching.disconnect();
}
