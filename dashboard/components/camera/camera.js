// The page: buttons, the loop from frame to frame, and what is drawn of each answer.

const VIEW = 480, BURST = 16, BURST_EVERY = 200, MOST_BYTES = 120_000;
const BLOCKED = "This address lets no live connection through, so here are 16 frames of three seconds, looked at once. "
  + "Move the slider; start again for others.";
const SLOW = "The server is busy: others are before you…", READY = "The server gets ready for this…";
const REMARK = 8000, RENEW_EVERY = 4;
const lives = new WeakMap();
const wait = time => new Promise(done => setTimeout(done, time));

async function base64(buffer) {
  const url = await new Promise(done => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(new Blob([buffer]));
  });
  return url.slice(url.indexOf(",") + 1);
}

class Live {
  constructor(root) {
    const find = name => root.querySelector(name);
    Object.assign(this, {
      root, find, view: find(".view"), wall: find(".wall"), wallCanvas: find(".wall canvas"), backCanvas: find(".back canvas"),
      answers: find(".answers"), moments: new Moments(find(".moments")), held: null, quality: 0.85, columns: 1, channels: [],
    });
    for (const name of ["shot", "grabbed", "sent", "sheet", "over"]) this[name] = document.createElement("canvas");
    this.grabbed.width = this.grabbed.height = this.shot.width = this.shot.height = this.view.width = this.view.height = VIEW;
    this.answers.replaceChildren(...[...Array(5)].map(() => {
      const row = document.createElement("li");
      row.append(...["i", "span", "span"].map(name => document.createElement(name)));
      return row;
    }));
    find(".scene").classList.add("idle");
    find(".start").onclick = () => this.start(() => openCamera(null, () => this.stop("The camera was taken away.")));
    find(".device").onchange = event => this.start(() => openCamera(event.target.value, () => this.stop("")));
    find(".film").onclick = () => this.data.film.length ? this.startFilm() : (this.awaited = "film", this.tell("film", true));
    find(".own").onclick = () => find(".file").click();
    find(".file").onchange = ({ target }) => {
      const [file] = target.files;
      target.value = "";
      if (file) this.start(() => openFilm(file));
    };
    find(".stop").onclick = () => this.stop("");
    find(".freeze").onclick = () => this.freeze(!this.frozen);
    find(".take").onclick = () => this.take();
    find(".record").onclick = () => this.record();
    find(".which").oninput = event => this.showOfBurst(Number(event.target.value));
    this.wall.onmousemove = event => this.point(this.under(event));
    this.wall.onmouseleave = () => this.point(-1);
    this.wall.onclick = event => this.pick(this.under(event));
    this.wall.onkeydown = event => this.key(event);
    this.answers.onclick = event => this.hold([...this.answers.children].indexOf(event.target.closest("li")));
  }

  update(data, tell) {
    const before = this.data;
    Object.assign(this, { data, tell });
    if (data.colours !== this.colours?.text) this.colours = new Colours(data.colours);
    if (before?.network !== data.network) this.held = null;
    if (before && before.settings.layer !== data.settings.layer) this.pending = undefined;
    if (this.pending === data.settings.channel) this.pending = undefined;
    [this.sent.height, this.sent.width] = data.side;
    this.answers.classList.toggle("choose", data.settings.draw === "cam");
    if (this.awaited === "film" && data.film.length) this.startFilm();
    else if (data.still !== before?.still && (!this.source || this.still) && !this.burst)
      this.start(() => openStill(data.still), true);
    if (data.burst && data.burst.id === this.burst?.id && data.burst !== this.burst.shown) {
      Object.assign(this.burst, { answers: data.burst.answers, shown: data.burst });
      this.showOfBurst(Number(this.find(".which").value));
    }
    if (this.burst?.answers && this.burst.asked !== JSON.stringify(this.settings())) this.sendBurst();
  }

  settings() {
    const channel = this.pending === undefined ? this.data.settings.channel : this.pending;
    return { ...this.data.settings, channel, answer: this.data.settings.draw === "cam" ? this.held : null };
  }

  // ------------------------------------------------------------------------------------ from start to stop

  says(text) {  // every frame says something, most of them nothing: a remark stays for a while
    const shown = text || (Date.now() < this.remarked?.until ? this.remarked.text : "");
    if (this.find(".says").textContent !== shown) this.find(".says").textContent = shown;
  }
  remark(text) {
    this.remarked = { text, until: Date.now() + REMARK };
    this.says(text);
  }

  startFilm() {
    this.awaited = "";
    this.start(() => drawFilm(this.data.film));
  }

  async start(open, still = false) {
    this.stop("");
    const turn = this.turn = {};
    let source;
    try {
      source = await open();
    } catch (error) {
      return turn === this.turn ? this.says(error.message) : undefined;
    }
    if (turn !== this.turn) return source.stop();  // somebody clicked something else meanwhile
    Object.assign(this, { source, still, burst: null, count: 0, shownAt: 0, pace: 0, tries: 0, refusals: 0, frozen: still, asked: "" });
    this.buttons(!still);
    this.offerDevices(source.device);
    if (still) {
      this.grab();
      this.swap();
    }
    try {
      await this.loop(turn);
    } catch (error) {
      if (turn === this.turn) this.stop("Something went wrong in this browser; please start again.");
      throw error;
    }
  }

  stop(text) {
    this.turn = null;
    this.recording?.stop();
    this.source?.stop();
    this.wire?.close();
    this.source = this.wire = null;
    this.still = false;
    this.buttons(false);
    this.find(".figures").textContent = "";
    this.says(text);
  }

  buttons(running) {
    for (const name of [".start", ".film", ".own"]) this.find(name).hidden = running;
    for (const name of [".stop", ".freeze", ".take", ".record"]) this.find(name).hidden = !running;
    this.find(".strip").hidden = running || !this.burst?.answers;
    if (!running) this.find(".device").hidden = true;
    this.find(".freeze").setAttribute("aria-pressed", false);
  }

  async offerDevices(current) {
    const select = this.find(".device");
    const all = current ? await navigator.mediaDevices.enumerateDevices() : [];
    const cameras = all.filter(one => one.kind === "videoinput");
    if (cameras.length < 2 || !this.source) return;
    select.replaceChildren(...cameras.map((one, at) => new Option(one.label || `Camera ${at + 1}`, one.deviceId)));
    select.value = current;
    select.hidden = false;
  }

  // One frame is on its way at a time; while an answer is drawn, the next frame is on its way already.
  async loop(turn) {
    let sent = await this.send(turn);
    while (sent) {
      const { began, text } = sent, answer = await sent.answer;
      if (turn !== this.turn) return;
      const found = answer && unpacked(answer);
      if (found) {
        this.asked = found.said.ready === false ? "" : text;
        this.tries = this.refusals = 0;
        this.swap();
      }
      if (found && this.still) {
        await this.show(found, this.shot);
        if (this.asked) this.hangUp();
      }
      const next = this.send(turn);
      if (found && !this.still) {
        await this.show(found, this.shot);
        this.tick(began);
      }
      sent = await next;
    }
  }

  // The next frame, when there is one to look at: its answer, when it was taken, and what was asked. Null at the end.
  async send(turn) {
    while (turn === this.turn) {
      await this.source.next();
      if (document.hidden) await wait(200);
      const settings = this.settings(), text = JSON.stringify(settings);
      if (this.frozen && this.asked === text) await wait(50);
      if (turn !== this.turn) break;
      if (document.hidden || !this.source.ready || (this.frozen && this.asked === text)) continue;
      if (!this.wire && !await this.connect(turn)) continue;
      const began = performance.now();
      this.grab(this.frozen ? this.shot : null);
      const message = packed(settings, await this.jpeg());
      const slow = setTimeout(() => this.says(SLOW), 1500);
      const answer = (this.wire?.ask(message) ?? Promise.resolve(null)).finally(() => clearTimeout(slow));
      return { answer, began, text };
    }
    return null;
  }

  hangUp() {  // a still picture takes nobody's place
    this.wire?.close();
    this.wire = null;
  }

  async connect(turn) {
    if (this.tries) await wait(Math.min(300 * this.tries, 1500));
    if (turn !== this.turn) return false;
    const wire = new Wire(this.data.ticket, this.connected, (...ended) => this.lost(wire, ...ended));
    const opened = await wire.open;
    if (turn !== this.turn) return wire.close(), false;
    if (opened) {
      this.wire = wire;
      this.connected = true;
      return true;
    }
    if (this.still && !this.connected) this.stop("");
    else if (this.connected) this.lost(null, "", true);  // it came through before: the server or the network is away
    else await this.recordBurst(turn);
    return false;
  }

  lost(wire, reason, again, stranger = false) {
    if (this.wire !== wire) return;
    this.wire = null;
    this.tries += 1;
    if (stranger && this.refusals++ % RENEW_EVERY === 0) this.tell("renewed", true);  // another server, or it began anew
    if (!again || this.tries > MOST_TRIES) return this.stop(reason || "The server closed the connection.");
    if (!this.frozen && !document.hidden) this.says("Connecting again…");
  }

  grab(frozen) {  // a frame of the source, or a frozen one again
    const pen = this.grabbed.getContext("2d");
    if (frozen) pen.drawImage(frozen, 0, 0); else this.source.draw(pen);
    this.sent.getContext("2d").drawImage(this.grabbed, 0, 0, this.sent.width, this.sent.height);
  }
  swap() { [this.shot, this.grabbed] = [this.grabbed, this.shot]; }

  async jpeg() {
    const encode = () => new Promise(done => this.sent.toBlob(done, "image/jpeg", this.quality));
    let blob = await encode();
    while (blob.size > MOST_BYTES && this.quality > 0.2) {
      this.quality -= 0.15;
      blob = await encode();
    }
    return blob.arrayBuffer();
  }

  // -------------------------------------------------------------------------------------- what is seen of it

  async show({ said, parts }, shot) {
    const pen = this.view.getContext("2d");
    if (said.note) {
      pen.drawImage(shot, 0, 0);
      return this.says(said.note);
    }
    this.says(this.burst ? BLOCKED : said.ready ? "" : READY);
    const followed = this.settings().channel !== null, over = parts.over ?? (followed && !parts.picture ? parts.map : null);
    await Promise.all([
      this.colours.paint(parts.wall, this.sheet),
      over && this.colours.paint(over, this.over, this.data.opacity),
      parts.picture && paintPicture(parts.picture, said.draw === "dream" ? this.over : this.backCanvas),
    ]);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(shot, 0, 0);
    if (said.draw === "dream") pen.drawImage(this.over, 0, 0, VIEW, VIEW);
    else if (over) {
      pen.imageSmoothingEnabled = Boolean(parts.over);
      pen.drawImage(this.over, 0, 0, VIEW, VIEW);
    }
    this.find(".scene").classList.remove("idle");
    this.channels = said.channels;
    const aspect = said.grid.height / said.grid.width;
    this.columns = columnsFor(said.channels.length, aspect, this.root.clientWidth < 760);
    layTiles(this.sheet, said.grid, said.channels.length, this.wallCanvas, this.columns);
    this.put(this.find(".chosen"), followed ? this.channels.indexOf(said.channel) : -1);
    this.write(said, followed);
    this.find(".hint").hidden = followed;
    this.find(".back").hidden = !parts.picture || said.draw === "dream";
    this.find(".back figcaption").textContent = `What in the picture excites channel ${said.channel}`;
    this.moments.begin(followed ? `${said.network} ${said.layer} ${said.channel}` : null);
    if (followed) this.moments.see(shot, said);
    this.recording?.draw(this.view, this.wallCanvas, said.answers, getComputedStyle(this.root));
    if (this.recording) this.find(".record").textContent = `Recording, ${Math.ceil(this.recording.left)} s`;
  }

  write(said, followed) {
    const reach = said.classes ? 1 : Math.max(...said.answers.map(one => Math.abs(one[2])), 1e-9);
    [...this.answers.children].forEach((row, index) => {
      const [answer, label, value, words] = said.answers[index] ?? [];
      row.hidden = label === undefined;
      if (row.hidden) return;
      const [bar, name, number] = row.children;
      bar.style.width = `${Math.abs(value) / reach * 100}%`;
      if (name.textContent !== label) name.textContent = row.title = label;
      if (number.textContent !== words) number.textContent = words;
      row.dataset.answer = answer;
      row.classList.toggle("held", said.draw === "cam" && answer === this.held);
    });
    const own = followed ? ` Channel ${said.channel} reaches ${said.value.toPrecision(3)}.` : "";
    const strongest = `Strongest now: ${said.strongest.join(", ")}.${own}`;
    if (this.find(".strongest").textContent !== strongest) this.find(".strongest").textContent = strongest;
    this.view.setAttribute("aria-label", said.answers.length ? `Live picture: ${said.answers[0][1]}` : "Live picture");
    this.wall.setAttribute("aria-label", `${said.channels.length} channels of ${said.layer}, live`);
    Object.assign(this.root.dataset, { network: said.network, layer: said.layer, draw: said.draw });
  }

  tick(began) {
    const now = performance.now();
    if (this.shownAt) this.pace += 0.1 * (now - this.shownAt - this.pace) * (this.count > 10 ? 1 : 5);
    this.shownAt = now;
    const { dataset } = this.root;
    dataset.frames = ++this.count;
    dataset.ms = (now - began).toFixed(1);
    if (this.count % 8 === 0 && this.pace)
      this.find(".figures").textContent = `${(1000 / this.pace).toFixed(0)} frames/s · ${Math.round(now - began)} ms`;
  }

  // ----------------------------------------------------------------------------------------- what one clicks

  put(mark, tile) {
    const rows = Math.ceil(this.channels.length / this.columns), shown = tile >= 0 && tile < this.channels.length;
    mark.style.display = shown ? "block" : "none";
    mark.style.left = `${(tile % this.columns) / this.columns * 100}%`;
    mark.style.top = `${Math.floor(tile / this.columns) / rows * 100}%`;
    mark.style.width = `${100 / this.columns}%`;
    mark.style.height = `${100 / rows}%`;
    return shown;
  }
  point(tile) {
    const label = this.find(".wall output");
    this.at = tile;
    label.style.display = this.put(this.find(".hover"), tile) ? "block" : "none";
    if (label.style.display === "none") return;
    label.textContent = `channel ${this.channels[tile]}`;
    label.style.left = `min(${(tile % this.columns) / this.columns * 100}%, 100% - 90px)`;
    label.style.top = `calc(${(Math.floor(tile / this.columns) + 1) / Math.ceil(this.channels.length / this.columns) * 100}% + 4px)`;
  }
  under(event) {
    const box = this.wallCanvas.getBoundingClientRect(), rows = Math.ceil(this.channels.length / this.columns);
    const column = Math.floor((event.clientX - box.left) / box.width * this.columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    const inside = column >= 0 && column < this.columns && row >= 0 && row * this.columns + column < this.channels.length;
    return inside ? row * this.columns + column : -1;
  }
  pick(tile) {
    const channel = this.channels[tile];
    if (channel === undefined) return;
    this.pending = this.settings().channel === channel ? null : channel;
    this.tell("picked", { channel: this.pending });
    if (this.burst?.answers) this.sendBurst();
  }
  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    if (step !== undefined) this.point(Math.min(Math.max((this.at ?? -1) + step, 0), this.channels.length - 1));
    else if (event.key === "Enter" || event.key === " ") this.pick(this.at);
    else return;
    event.preventDefault();
  }
  hold(row) {
    if (row < 0 || this.data.settings.draw !== "cam") return;
    const answer = Number(this.answers.children[row].dataset.answer);
    this.held = this.held === answer ? null : answer;
  }
  freeze(frozen) {
    this.frozen = frozen;
    this.find(".freeze").setAttribute("aria-pressed", frozen);
    this.find(".freeze").textContent = frozen ? "Go on" : "Freeze";
  }
  async take() {
    const blob = await new Promise(done => this.shot.toBlob(done, "image/jpeg", 0.92));
    this.tell("taken", await base64(blob));
  }
  record() {
    if (this.recording) return;
    try {
      this.recording = new Recording((blob, kind) => {
        this.recording = null;
        this.find(".record").textContent = "Record 10 s";
        if (blob) save(blob, `convscope_live.${kind}`); else this.remark(EMPTY);
      });
      this.remarked = null;
    } catch (error) {
      this.remark(error.message);
    }
  }

  // ------------------------------------------------------------------- where no second socket comes through

  async recordBurst(turn) {
    this.says(`This address lets no live connection through. Recording ${BURST} frames instead…`);
    const shots = [], jpegs = [];
    for (let last = 0; shots.length < BURST;) {
      await this.source.next();
      if (turn !== this.turn) return;
      if (!this.source.ready || performance.now() - last < BURST_EVERY) continue;
      last = performance.now();
      this.grab();
      shots.push(Object.assign(document.createElement("canvas"), { width: VIEW, height: VIEW }));
      shots.at(-1).getContext("2d").drawImage(this.grabbed, 0, 0);
      this.view.getContext("2d").drawImage(this.grabbed, 0, 0);
      this.find(".scene").classList.remove("idle");
      jpegs.push(await this.jpeg());
    }
    this.stop("Looking at them…");
    this.burst = { shots, jpegs };
    await this.sendBurst();
  }
  async sendBurst() {
    const { burst } = this, settings = this.settings();
    burst.id = `${Date.now()} ${Math.random()}`;
    burst.asked = JSON.stringify(settings);
    const frames = await Promise.all(burst.jpegs.map(jpeg => base64(packed(settings, jpeg))));
    this.tell("burst", { id: burst.id, frames });
  }
  async showOfBurst(which) {
    if (!this.burst?.answers) return;
    this.buttons(false);
    const bytes = Uint8Array.from(atob(this.burst.answers[which]), sign => sign.charCodeAt(0));
    await this.show(unpacked(bytes.buffer), this.burst.shots[which]);
    this.root.dataset.which = which;
  }

  leave() {
    this.stop("");
    lives.delete(this.key_);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let live = lives.get(parentElement);
  if (!live) {
    live = new Live(parentElement.querySelector(".camera"));
    live.key_ = parentElement;
    lives.set(parentElement, live);
  }
  live.update(data, setTriggerValue);
  return () => live.leave();
}
