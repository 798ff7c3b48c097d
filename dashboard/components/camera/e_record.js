// Ten seconds of what is seen, camera, answers and wall, as a video file made by the browser itself.

const SECONDS = 10;
const KINDS = ["video/mp4;codecs=avc1.42E01F", "video/mp4", "video/webm;codecs=vp9", "video/webm"];

class Recording {
  constructor(done) {
    this.canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    this.pen = this.canvas.getContext("2d");
    const type = KINDS.find(kind => window.MediaRecorder?.isTypeSupported(kind));
    if (!type) throw new Error("This browser cannot record. Chrome, Edge, Safari and Firefox of today can.");
    const parts = [];
    this.recorder = new MediaRecorder(this.canvas.captureStream(30), { mimeType: type, videoBitsPerSecond: 5e6 });
    this.recorder.ondataavailable = event => parts.push(event.data);
    this.recorder.onstop = () => {
      this.recorder.stream.getTracks().forEach(track => track.stop());
      const kind = type.split(";")[0];
      done(parts.length ? new Blob(parts, { type: kind }) : null, kind.split("/")[1]);
    };
    this.began = performance.now();
    this.recorder.start();
  }
  get left() { return Math.max(0, SECONDS - (performance.now() - this.began) / 1000); }
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
    if (this.left === 0 && this.recorder.state === "recording") this.recorder.stop();
  }
  stop() { if (this.recorder.state !== "inactive") this.recorder.stop(); }
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
