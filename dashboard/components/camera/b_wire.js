// Frames to the server and answers back. One frame is on its way at a time, so that lag cannot grow.

// After a sleep the page's own session may come back a little later than this connection does: 4002 and 4005 say that.
const PATIENCE = 1800, AGAIN = 10_000, REPEATED = [1001, 1005, 1006, 1011, 1012, 4002, 4004, 4005], MOST_TRIES = 30;
const STRANGER = 4002;

function packed(settings, jpeg) {
  const text = new TextEncoder().encode(JSON.stringify(settings));
  const message = new Uint8Array(4 + text.length + jpeg.byteLength);
  new DataView(message.buffer).setUint32(0, text.length, true);
  message.set(text, 4);
  message.set(new Uint8Array(jpeg), 4 + text.length);
  return message;
}

function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const said = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const parts = {};
  for (const [name, size] of said.parts) {
    parts[name] = new Blob([new Uint8Array(buffer, at, size)], { type: "image/jpeg" });
    at += size;
  }
  return { said, parts };
}

class Wire {
  // `lost` is called when an open connection ends: with what to say, whether it is worth trying again, and whether the
  // server does not know this page. The route is beside the page, whatever the folder is in which a proxy or
  // server.baseUrlPath puts both.
  constructor(ticket, before, lost) {
    const address = new URL(`convscope/live?ticket=${encodeURIComponent(ticket)}`, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.open = new Promise(done => {  // false where no second socket comes through
      let late;
      const wait = () => {  // from when the server has answered at all: a busy one is late with everything
        if (this.socket.readyState === WebSocket.CONNECTING)
          late = setTimeout(() => { done(false); this.close(); }, before ? AGAIN : PATIENCE);
      };
      fetch(new URL("_stcore/health", location.href), { cache: "no-store" }).then(wait, wait);
      this.socket.onopen = () => { clearTimeout(late); done(true); };
      this.socket.onclose = event => {
        clearTimeout(late);
        done(false);
        this.waits?.(null);
        if (!this.left) lost(event.reason, REPEATED.includes(event.code), event.code === STRANGER);
      };
    });
    this.socket.onmessage = event => this.waits?.(event.data);
  }
  ask(message) {
    return new Promise(done => {
      if (this.socket.readyState !== WebSocket.OPEN) return done(null);
      this.waits = answer => { this.waits = null; done(answer); };
      this.socket.send(message);
    });
  }
  close() {
    this.left = true;
    this.socket.close();
  }
}
