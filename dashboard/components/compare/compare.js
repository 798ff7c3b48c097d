export default function ({ data, parentElement }) {
  const [after, before] = parentElement.querySelectorAll("img");
  const line = parentElement.querySelector(".line");
  const range = parentElement.querySelector("input");
  if (after.src !== data.after) after.src = data.after;
  if (before.src !== data.before) before.src = data.before;
  after.alt = data.alt;
  range.setAttribute("aria-label", data.alt);
  const show = () => {
    before.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    line.style.left = `${range.value}%`;
  };
  range.oninput = show;
  show();
}
