// Ten seconds of what is seen, camera, answers and wall, as a video file made by the browser itself.

const SECONDS = 10, MOST_SECONDS = 20, EVERY = 500;
const KINDS = ["video/mp4;codecs=avc1.42E01F", "video/mp4", "video/webm;codecs=vp9", "video/webm"];
const CANNOT = "This browser cannot record. Chrome, Edge, Safari and Firefox of today can.";
const EMPTY = "The browser made no film in that time, so nothing was saved. On a less busy machine, record again.";

class Recording {
  // `done` is called with the film, null where not one byte of it came, and with the ending of its name.
  constructor(done) {
    this.canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    this.pen = this.canvas.getContext("2d");
    const type = KINDS.find(kind => window.MediaRecorder?.isTypeSupported(kind));
    if (!type) throw new Error(CANNOT);
    const parts = [], kind = type.split(";")[0];
    const stream = this.canvas.captureStream(30);
    this.bytes = 0;
    this.asked = performance.now();
    try {
      this.recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 5e6 });
      this.recorder.start(EVERY);
    } catch {
      throw new Error(CANNOT);
    }
    this.recorder.onstart = () => { this.began = performance.now(); };
    this.recorder.ondataavailable = event => { parts.push(event.data); this.bytes += event.data.size; };
    this.recorder.onstop = () => {
      clearInterval(this.clock);
      stream.getTracks().forEach(track => track.stop());
      done(this.bytes ? new Blob(parts, { type: kind }) : null, kind.split("/")[1]);
    };
    this.clock = setInterval(() => this.over && this.stop(), 100);
  }
  since(when) { return when === undefined ? 0 : (performance.now() - when) / 1000; }
  get left() { return Math.max(0, SECONDS - this.since(this.began)); }
  get over() {  // an encoder may take some time to get ready
    return (this.left === 0 && this.bytes > 0) || this.since(this.asked) >= MOST_SECONDS;
  }
  draw(view, wall, answers, style) {
    const { pen, canvas } = this;
    pen.fillStyle = style.getPropertyValue("--st-background-color") || "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(view, 20, 20, 480, 480);
    const scale = Math.min(740 / wall.width, 680 / wall.height);
    pen.imageSmoothingEnabled = scale < 1;
    pen.drawImage(wall, 520, 20, wall.width * scale, wall.height * scale);
    pen.font = "20px sans-serif";
    answers.slice(0, 5).forEach(([, label, value, words], row) => {
      const y = 516 + row * 38;
      pen.fillStyle = style.getPropertyValue("--st-secondary-background-color") || "#eee";
      pen.fillRect(20, y, 480, 32);
      pen.fillStyle = style.getPropertyValue("--st-primary-color") || "#0aa";
      pen.globalAlpha = 0.35;
      pen.fillRect(20, y, 480 * Math.min(Math.max(value, 0), 1), 32);
      pen.globalAlpha = 1;
      pen.fillStyle = style.getPropertyValue("--st-text-color") || "#000";
      pen.fillText(label, 28, y + 23, 380);
      pen.fillText(words, 420, y + 23, 76);
    });
  }
  stop() { if (this.recorder.state !== "inactive") this.recorder.stop(); }
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
