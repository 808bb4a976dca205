// What is shown: bars, the image that the network is given, the notes, each layer's output. All text goes in as text.

const element = id => document.getElementById(id);

function make(parent, tag, className = "", text = "") {
  const made = parent.appendChild(document.createElement(tag));
  made.className = className;
  made.textContent = text;
  return made;
}

const percent = share => `${(100 * share).toFixed(1)} %`;

function makeBars(classes) {
  element("bars").classList.toggle("names", classes.some(name => name.length > 2));
  return classes.map(name => {
    const row = make(element("bars"), "li");
    make(row, "span", "name", name).title = name;
    const bar = make(row, "span", "bar");
    bar.setAttribute("aria-hidden", "true");
    return {row, part: make(bar, "i"), value: make(row, "span", "value")};
  });
}

function showBars(bars, probabilities) {
  const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
  bars.forEach(({row, part, value}, i) => {
    row.className = i === best ? "best" : "";
    part.style.width = probabilities ? `${100 * probabilities[i]}%` : "0";
    value.textContent = probabilities ? percent(probabilities[i]) : "";
  });
  return best;
}

function showSeen({height, width, data}, channels) {
  const canvas = element("seen");
  [canvas.width, canvas.height] = [width, height];
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = 255 * data[i * channels + (channels === 3 ? c : 0)];
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

function showNotes(notes) {
  element("notes").replaceChildren();
  for (const note of notes) make(element("notes"), "li", "", note);
}

// Where in the stage the digit was found: the picture lies in the middle of it, as large as it fits.
function showBox(box, {height, width}) {
  const found = element("found");
  found.hidden = !box;
  if (!box) return;
  const side = Math.max(height, width);
  const [top, left, bottom, right] = box.map((edge, i) => (edge + (side - (i % 2 ? width : height)) / 2) / side);
  const style = {top, left, height: bottom - top, width: right - left};
  for (const name of Object.keys(style)) found.style[name] = `${100 * style[name]}%`;
}

const UNCHANGED = {
  Flatten: "the same numbers, in one row", Reshape: "the same numbers, in another shape",
  Dropout: "at work in training only", SpatialDropout2D: "at work in training only",
  GaussianNoise: "at work in training only",
};

// A figure for each layer; its maps lie side by side in one canvas, a pixel a number.
function makeLayers(layers) {
  return layers.map(layer => {
    const [rows, columns, maps] = layer.shape.length === 3 ? layer.shape : [1, 1, layer.shape.reduce((a, b) => a * b)];
    const figure = make(element("layers"), "figure");
    const caption = make(figure, "figcaption");
    const text = UNCHANGED[layer.name] || (rows * columns === 1 ? `${maps} numbers` : `${maps} maps, ${rows} × ${columns} each`);
    make(caption, "b", "", layer.name);
    make(caption, "span", "", text);
    if (layer.does === "same") return null;
    const canvas = make(figure, "canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${layer.name}: ${text}`);
    const gap = rows * columns === 1 ? 0 : 1;
    const across = Math.min(maps, gap ? 2 ** Math.round(Math.log2(Math.sqrt((3.6 * maps * rows) / columns))) : 32);
    canvas.width = across * (columns + gap) - gap;
    canvas.height = Math.ceil(maps / across) * (rows + gap) - gap;
    canvas.style.width = `min(100%, ${14 * canvas.width}px)`;
    return {canvas, rows, columns, maps, gap, across};
  });
}

function showLayer({canvas, rows, columns, maps, gap, across}, values, colours) {
  const [low, high] = values ? span(values) : [0, 0];
  const largest = Math.max(-low, high) || 1;
  const pixels = new ImageData(canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let map = 0; map < maps; map++) {
    const corner = Math.floor(map / across) * (rows + gap) * canvas.width + (map % across) * (columns + gap);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const value = values ? values[(y * columns + x) * maps + map] : 0;
        words[corner + y * canvas.width + x] = colours[256 + Math.round((255 * value) / largest)];
      }
    }
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

// 512 colours, from the strongest below zero over the tile's own to the strongest above, as numbers of 32 bits.
function mapColours() {
  const style = getComputedStyle(document.documentElement);
  const [tile, plus, minus] = ["--tile", "--accent", "--warm"].map(name => {
    const number = parseInt(style.getPropertyValue(name).trim().slice(1), 16);
    return [number >> 16, (number >> 8) & 255, number & 255];
  });
  const bytes = new Uint8ClampedArray(4 * 512);
  for (let i = 0; i < 512; i++) {
    const share = Math.sqrt(Math.abs(i - 256) / 255); // the root shows what is weak
    tile.forEach((part, c) => { bytes[4 * i + c] = part + share * ((i < 256 ? minus : plus)[c] - part); });
    bytes[4 * i + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

// Tell a screen reader what came out, once it stays: not at every point of a stroke.
let speaking = null;
function say(text) {
  clearTimeout(speaking);
  speaking = setTimeout(() => { if (element("spoken").textContent !== text) element("spoken").textContent = text; }, 900);
}
