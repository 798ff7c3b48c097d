// Where frames come from: a camera, a film that is drawn here from photographs, or a person's own film.

const REFUSED = {
  NotAllowedError: "The browser does not let this page use the camera. Allow it at the left of the address, and start again.",
  NotFoundError: "No camera was found on this machine. The short film goes the same way and needs none.",
  OverconstrainedError: "This camera is not there any more. Choose another one, and start again.",
  NotReadableError: "The camera is in use by another program. Close that, and start again.",
  AbortError: "The camera is in use by another program. Close that, and start again.",
  SecurityError: "The settings of this browser forbid the camera to pages.",
};
const INSECURE = "Browsers give the camera to pages with https:// or on localhost only, and this page is neither. "
  + "The short film goes the same way and needs no camera.";

// The middle of a picture as a square, or as whatever the canvas is.
function cut(pen, picture, width, height, mirrored) {
  const { width: w, height: h } = pen.canvas;
  const scale = Math.min(width / w, height / h);
  pen.save();
  if (mirrored) { pen.translate(w, 0); pen.scale(-1, 1); }
  pen.drawImage(picture, (width - w * scale) / 2, (height - h * scale) / 2, w * scale, h * scale, 0, 0, w, h);
  pen.restore();
}

class Moving {  // a <video>, of a camera or of a file
  constructor(mirrored) {
    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, playsInline: true, loop: true });
    this.mirrored = mirrored;
  }
  // A frame that came while the last one was looked at is taken at once, and how many came is asked between two drawings
  // of the page, too: to wait for its next drawing after the next frame would cost up to a whole period of the camera.
  get came() { return this.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0; }
  next() {
    const { video } = this, since = performance.now();
    let drawn = false;
    if (!this.came) {  // a browser that does not count them tells of each that it draws
      if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(() => { drawn = true; });
      else requestAnimationFrame(() => { drawn = true; });
    }
    return new Promise(done => {
      const look = () => {
        const fresh = drawn || this.came !== this.seen;
        if (!fresh && performance.now() - since < 500) return setTimeout(look, 4);
        this.seen = this.came;
        done();
      };
      look();
    });
  }
  get ready() { return this.video.readyState >= 2; }
  draw(pen) { cut(pen, this.video, this.video.videoWidth, this.video.videoHeight, this.mirrored); }
  stop() {
    this.video.srcObject?.getTracks().forEach(track => track.stop());
    if (this.url) URL.revokeObjectURL(this.url);
    this.video.srcObject = null;
    this.video.removeAttribute("src");
  }
}

async function openCamera(device, ended) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error(INSECURE);
  const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  const which = device ? { deviceId: { exact: device } } : { facingMode: "user" };
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, ...which }, audio: false });
  } catch (error) {
    throw new Error(REFUSED[error.name] ?? "The camera did not start. Try another one, or the short film.");
  }
  const [track] = stream.getVideoTracks();
  const source = new Moving(track.getSettings().facingMode !== "environment");
  track.onended = ended;
  source.device = track.getSettings().deviceId;
  source.video.srcObject = stream;
  await source.video.play();
  return source;
}

async function openFilm(file) {
  const source = new Moving(false);
  source.url = source.video.src = URL.createObjectURL(file);
  try {
    await source.video.play();
  } catch {
    source.stop();
    throw new Error("This browser cannot play that film. MP4 and WebM are what most can.");
  }
  return source;
}

// Photographs, one after another: each is slowly moved and enlarged, and fades into the next. It repeats itself.
const SCENE = 4000, FADE = 700;
class Drawn {
  constructor(pictures) { this.pictures = pictures; this.began = performance.now(); this.ready = true; }
  next() { return new Promise(done => requestAnimationFrame(done)); }
  draw(pen) {
    const at = performance.now() - this.began, scene = Math.floor(at / SCENE), part = (at % SCENE) / SCENE;
    this.scene(pen, scene, part, 1);
    const fading = (at % SCENE) - (SCENE - FADE);
    if (fading > 0) this.scene(pen, scene + 1, -(SCENE - at % SCENE) / SCENE, fading / FADE);
  }
  scene(pen, number, part, opacity) {
    const picture = this.pictures[number % this.pictures.length], { width, height } = pen.canvas;
    const zoom = 1.08 + 0.22 * (part + 0.2), angle = number * 2.4, side = Math.min(picture.width, picture.height) / zoom;
    const shift = (part - 0.5) * 0.5;
    const left = (picture.width - side) / 2 * (1 + shift * Math.cos(angle));
    const top = (picture.height - side) / 2 * (1 + shift * Math.sin(angle));
    pen.globalAlpha = opacity;
    pen.drawImage(picture, left, top, side, side, 0, 0, width, height);
    pen.globalAlpha = 1;
  }
  stop() {}
}

async function load(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return picture;
}

const drawFilm = async urls => new Drawn(await Promise.all(urls.map(load)));

class Still {  // one picture, to look at before anything moves
  constructor(picture) { this.picture = picture; this.ready = true; }
  next() { return new Promise(done => requestAnimationFrame(done)); }
  draw(pen) { cut(pen, this.picture, this.picture.width, this.picture.height, false); }
  stop() {}
}

const openStill = async url => new Still(await load(url));
