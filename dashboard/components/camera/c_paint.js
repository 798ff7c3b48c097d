// Grey maps to colours on canvases.

class Colours {  // 256 colours, as the base64 of their 768 bytes
  constructor(text) {
    this.text = text;
    const bytes = atob(text);
    this.table = Uint8Array.from(bytes, sign => sign.charCodeAt(0));
  }
  // A grey picture in these colours; where `clear`, weak values let through what is below.
  async paint(blob, canvas, clear) {
    const bitmap = await createImageBitmap(blob);
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(bitmap, 0, 0);
    bitmap.close();
    const image = pen.getImageData(0, 0, canvas.width, canvas.height), { data } = image, { table } = this;
    for (let i = 0; i < data.length; i += 4) {
      const grey = data[i];
      data[i] = table[3 * grey];
      data[i + 1] = table[3 * grey + 1];
      data[i + 2] = table[3 * grey + 2];
      if (clear) data[i + 3] = clear * 255 * Math.sqrt(grey / 255);
    }
    pen.putImageData(image, 0, 0);
  }
}

async function paintPicture(blob, canvas) {
  const bitmap = await createImageBitmap(blob);
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

// The tiles of the server's picture in rows that fit the place, with clear gaps.
function layTiles(from, grid, count, canvas, columns) {
  const zoom = Math.max(1, Math.round(900 / (columns * grid.width))), gap = 4;
  const width = grid.width * zoom, height = grid.height * zoom, rows = Math.ceil(count / columns);
  const whole = [columns * (width + gap) - gap, rows * (height + gap) - gap];
  if (canvas.width !== whole[0] || canvas.height !== whole[1]) [canvas.width, canvas.height] = whole;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingEnabled = false;
  for (let tile = 0; tile < count; tile++) {
    const left = tile % grid.columns * grid.right, top = Math.floor(tile / grid.columns) * grid.down;
    const x = tile % columns * (width + gap), y = Math.floor(tile / columns) * (height + gap);
    pen.drawImage(from, left, top, grid.width, grid.height, x, y, width, height);
  }
}

function columnsFor(count, aspect, narrow) {
  const ideal = Math.max(1, Math.sqrt(count / aspect * (narrow ? 1 : 1.5)));
  const near = [...Array(count).keys()].map(n => n + 1).filter(n => count % n === 0);
  const best = near.reduce((a, b) => Math.abs(b - ideal) < Math.abs(a - ideal) ? b : a, count);
  return Math.abs(best - ideal) < ideal / 2 ? best : Math.round(ideal);
}
