// Beside numpycnn/data/own_digit/lines.py: taking away what is printed on the paper: rules, squares, a form's boxes.

const PRINTED = 0.1;
const COARSE = 256;
const ASKEW = 0.07;
const REACH = 0.9;
const THIN = 1 / 15;
const [BESIDE, PAPER] = [5, 0.6];
const SMALL = 48;
const LEAST = 0.25;
const MARGIN = 2;
const MOST = 3;
const CRUMB = 6;
const LINE = 2;

// Take ruled lines, or a frame, off the ink: {amount, inside}; null if there are none.
function withoutLines(amount) {
  if (Math.min(amount.height, amount.width) < SMALL) return null;
  const mask = mapped(amount, value => value > PRINTED);
  const [across, down] = linesOf(mask);
  const framed = across.length && down.length ? null : withoutFrame(amount, mask);
  if (framed) return framed;
  return across.length || down.length ? {amount: cleaned(amount, across, down), inside: null} : null;
}

function withoutFrame(amount, mask) {
  const pieces = components(mask);
  const order = pieces.sizes.map((_, i) => i).sort((a, b) => pieces.sizes[b] - pieces.sizes[a]).slice(0, MOST);
  for (const box of order.map(i => pieces.boxes[i])) {
    if (Math.min(box[2] - box[0], box[3] - box[1]) < SMALL) continue;
    const [across, down] = linesOf(cut(mask, ...box));
    if (!across.length || !down.length) continue;
    const cleanedPart = cleaned(cut(amount, ...box), across, down);
    const inside = mapped(amount, (_, i) => {
      const [y, x] = [Math.floor(i / amount.width) - box[0], (i % amount.width) - box[1]];
      const within = y >= 0 && y < cleanedPart.height && x >= 0 && x < cleanedPart.width;
      return within ? cleanedPart.data[y * cleanedPart.width + x] : 0;
    });
    return {amount: inside, inside: box};
  }
  return null;
}

const linesOf = mask => [findLines(mask), findLines(transposed(mask))];

function transposed({height, width, data}) {
  const result = imageOf(width, height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) result.data[x * height + y] = data[y * width + x];
  return result;
}

// Two lines or more that cross a mask from left to right; a line says of a place (y, x) whether it is there.
function findLines(mask) {
  const factor = Math.ceil(Math.max(mask.height, mask.width) / COARSE);
  const coarse = coarsened(mask, factor);
  const {share, shift, first} = heaped(coarse);
  const isLine = i => i >= 0 && i < share.length && share[i] >= REACH;
  const edges = [];
  share.forEach((_, top) => {
    if (!isLine(top) || isLine(top - 1)) return;
    let bottom = top;
    while (isLine(bottom)) bottom++;
    const beside = Math.max(share[top - BESIDE] || 0, share[bottom + BESIDE - 1] || 0);
    const thin = bottom - top <= Math.max(2, THIN * coarse.width) && beside <= PAPER;
    if (thin) edges.push([top + first, bottom + first]);
  });
  const [lowest, highest] = span(shift);
  const whole = edges.map(([top, bottom]) => (top + bottom) / 2)
    .some(middle => middle + lowest >= -2 && middle + highest <= coarse.height + 2);
  if (edges.length < 2 || !whole) return [];
  return edges.map(([top, bottom]) => (y, x) => {
    const moved = y - factor * shift[Math.floor(x / factor)];
    return moved >= factor * top - MARGIN && moved < factor * bottom + MARGIN;
  });
}

// Whether there is any ink in each square of pixels, or in the one above it.
function coarsened({height, width, data}, factor) {
  const coarse = imageOf(Math.ceil(height / factor), Math.ceil(width / factor));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x]) coarse.data[Math.floor(y / factor) * coarse.width + Math.floor(x / factor)] = 1;
    }
  }
  return mapped(coarse, (value, i) => value || (i >= coarse.width && coarse.data[i - coarse.width]));
}

// The slope along which the ink is heaped up most: the share of ink along each line of that slope, by how many rows the
// line is moved in each column, and the row in which the first of these lines crosses the middle.
function heaped({height: rows, width: columns, data}) {
  const steepest = Math.max(1, roundHalfToEven(ASKEW * columns));
  const count = rows + 2 * steepest;
  let best = {heap: -1};
  for (let rise = -steepest; rise <= steepest; rise++) {
    const shift = Array.from({length: columns}, (_, x) => Math.floor(rise * (x / Math.max(1, columns - 1) - 0.5) + 0.5));
    const share = new Float64Array(count);
    let heap = 0;
    for (let line = 0; line < count; line++) {
      let [length, ink] = [0, 0];
      for (let x = 0; x < columns; x++) {
        const y = line - steepest + shift[x];
        if (y < 0 || y >= rows) continue;
        length++;
        ink += data[y * columns + x];
      }
      if (length >= LEAST * columns) share[line] = ink / Math.max(length, 1);
      heap += share[line] ** 4 * length;
    }
    if (heap > best.heap) best = {heap, share, shift, first: -steepest};
  }
  return best;
}

// Take the lines away where nothing crosses them, and what crumbs remain of them.
function cleaned(amount, across, down) {
  let thickest = 1;
  const without = (ink, lines) => {
    if (!lines.length) return ink;
    const lengths = runLengths(ink);
    const place = i => [Math.floor(i / ink.width), i % ink.width];
    const band = mapped(ink, (_, i) => lines.some(line => line(...place(i))));
    const inside = lengths.map((length, i) => length * band.data[i]);
    const crossings = inside.map((length, i) => (inside[i - ink.width] > 0 ? 0 : length)); // each once, however thick
    const thickness = median(filtered(crossings, length => length > 0));
    thickest = Math.max(thickest, thickness);
    return mapped(ink, (value, i) => (band.data[i] && lengths[i] <= 1.5 * thickness + 1 ? 0 : value));
  };
  const rest = transposed(without(transposed(without(amount, across)), down));
  const {labels, sizes, boxes} = components(mapped(rest, value => value > PRINTED));
  const isCrumb = boxes.map(([top, left, bottom, right], i) => {
    const longer = Math.max(bottom - top, right - left);
    const atBorder = top === 0 || left === 0 || bottom === rest.height || right === rest.width;
    // At the border, a line that left the picture at the top or at the bottom is a crumb, too.
    return longer <= CRUMB * thickest || (atBorder && sizes[i] <= LINE * thickest * longer);
  });
  return mapped(rest, (value, i) => (labels[i] && isCrumb[labels[i] - 1] ? 0 : value));
}

// For each place with ink, how many lie above each other there without a gap; 0 elsewhere.
function runLengths({height, width, data}) {
  const lengths = new Float32Array(data.length);
  for (let x = 0; x < width; x++) {
    for (let y = 0, start = 0; y <= height; y++) {
      if (y < height && data[y * width + x] > PRINTED) continue;
      for (let i = start; i < y; i++) lengths[i * width + x] = y - start;
      start = y + 1;
    }
  }
  return lengths;
}
