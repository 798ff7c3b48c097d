// The nine patches of this camera that excited the followed unit most. They stay in the browser.

const MOST = 9, APART = 1500, PATCH = 72;

class Moments {
  constructor(figure) { this.figure = figure; this.all = []; }
  begin(key) {
    if (key === this.key) return;
    this.key = key;
    this.all = [];
    this.figure.hidden = true;
    this.figure.firstElementChild.replaceChildren();
  }
  // Frames of one moment look alike: of those within 1.5 s only the strongest counts.
  see(shot, said) {
    const { value, mean, window: [top, left, bottom, right] } = said, now = performance.now();
    if (!(value > 0)) return;
    const worth = value + 1e-3 * mean;  // many units have a ceiling: of those at it, where more of the map answers
    const recent = this.all.find(one => now - one.seen < APART), weakest = this.all.length >= MOST ? this.all.at(-1) : null;
    if (worth <= (recent ?? weakest ?? { worth: 0 }).worth) return;
    const canvas = recent?.canvas ?? document.createElement("canvas");
    canvas.width = canvas.height = PATCH;
    const { width, height } = shot;
    canvas.getContext("2d").drawImage(
      shot, left * width, top * height, (right - left) * width, (bottom - top) * height, 0, 0, PATCH, PATCH);
    canvas.title = value.toPrecision(3);
    if (recent) Object.assign(recent, { worth, seen: now });
    else this.all.push({ worth, canvas, seen: now });
    this.all.sort((one, other) => other.worth - one.worth).splice(MOST);
    this.figure.hidden = false;
    this.figure.firstElementChild.replaceChildren(...this.all.map(one => one.canvas));
    this.figure.lastElementChild.textContent =
      `The strongest moments so far of channel ${said.channel}: ${this.all.length} of ${MOST}`;
  }
}
