// Beside numpycnn/data/own_digit/prepare.py: a digit made to look as MNIST's do.

const SIZE = 28;
const BOX = 20;
const WORK = 512;
const CLOSE_UP = 64;
const SPECK = 0.03;
const PALE = 0.02;
const BRIGHT = 10;
const WHITE = 0.9;
const LOW_CONTRAST = 0.15;
const CLEARER = 2;
const [MAIN, FAR, SHALLOW] = [0.2, 0.15, 0.3];

// Turn a picture of one digit into what a network trained on MNIST expects: {image, empty, inverted, box, notes, ...}.
function prepareDigit(picture) {
  let seen = look(picture, picture.whole);
  if (!seen) {
    const notes = ["empty: nothing stands out from the background", ...picture.notes];
    return {image: imageOf(SIZE, SIZE), empty: true, box: null, notes};
  }
  const {touched} = seen; // of the whole picture; a close-up has borders of its own
  if (seen.factor > 1 && Math.max(seen.digit.height, seen.digit.width) < CLOSE_UP) {
    seen = look(picture, surroundings(seen.box, picture.whole)) || seen;
  }
  return {
    image: centred(boxed(seen.digit)),
    empty: false,
    inverted: seen.ink.dark,
    box: seen.box,
    notes: [...notesOn(seen, touched), ...picture.notes],
  };
}

// Find the digit in a region of the picture; null if there is nothing.
function look(picture, region) {
  const [top, left, bottom, right] = region;
  const factor = Math.ceil(Math.max(bottom - top, right - left) / WORK);
  const {ink, notes} = inkOf(picture, region, factor);
  if (ink.contrast === 0) return null;
  const unprinted = picture.printed ? withoutLines(ink.amount) : null;
  if (unprinted) {
    ink.amount = unprinted.amount;
    notes.push(`${unprinted.inside ? "a box's frame" : "the paper's lines"} left out`);
  }
  const {height, width} = ink.amount;
  const pieces = components(mapped(ink.amount, value => value > 0.5));
  if (!pieces.sizes.length) return null;
  const kept = belonging(pieces, height, width);
  const mask = mapped(ink.amount, (_, i) => pieces.labels[i] > 0 && kept[pieces.labels[i] - 1]);
  const sides = {
    top: cut(mask, 0, 0, 1, width), left: cut(mask, 0, 0, height, 1),
    bottom: cut(mask, height - 1, 0, height, width), right: cut(mask, 0, width - 1, height, width),
  };
  // A stroke ends softly: its pale edge belongs to it.
  const near = widened(mask, 2 + Math.floor(Math.max(height, width) / 256));
  const amount = mapped(ink.amount, (value, i) => (near.data[i] ? value : 0));
  const [y0, x0, y1, x1] = inked(amount);
  return {
    ink,
    digit: cut(amount, y0, x0, y1, x1),
    box: [top + y0 * factor, left + x0 * factor, Math.min(bottom, top + y1 * factor), Math.min(right, left + x1 * factor)],
    touched: Object.keys(sides).filter(side => sides[side].data.some(Boolean)),
    pieces: kept.filter(Boolean).length,
    specks: kept.filter(each => !each).length,
    factor,
    notes,
  };
}

// The box of all that is not paper.
function inked({height, width, data}) {
  let [y0, x0, y1, x1] = [height, width, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (data[i] <= PALE) continue;
      [y0, y1] = [Math.min(y0, y), y + 1];
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x + 1)];
    }
  }
  return [y0, x0, y1, x1];
}

// What is darker or brighter than the paper or, if that is little, of another colour.
function inkOf(picture, region, factor) {
  let [ink, notes] = [findInk(shades(picture, region, factor)), []];
  if (ink.contrast >= LOW_CONTRAST) return {ink, notes};
  for (const hue of HUES) {
    const other = findInk(hueShades(picture, region, factor, hue));
    if (!(other.contrast > CLEARER * ink.contrast)) continue;
    [ink, notes] = [other, ["the digit's colour was looked at: it is about as bright as its background"]];
  }
  return {ink, notes};
}

// Which pieces belong to the digit; the others are dirt.
function belonging({sizes, boxes}, height, width) {
  const enough = SPECK * span(sizes)[1];
  const large = sizes.map(size => size >= enough);
  const atBorder = boxes.map(([top, left, bottom, right]) => !top || !left || bottom === height || right === width);
  const inner = sizes.map((size, i) => (large[i] && !atBorder[i] ? size : 0));
  const [, most] = span(inner);
  if (!most) return large;
  const main = boxes[inner.indexOf(most)];
  const length = Math.max(main[2] - main[0], main[3] - main[1]);
  if (length < MAIN * Math.min(height, width)) return large;
  return large.map((is, i) => {
    const [top, left, bottom, right] = boxes[i];
    // How far the piece is from the main one, and how far into the picture it reaches.
    const gap = Math.max(top - main[2], left - main[3], main[0] - bottom, main[1] - right);
    const depth = Math.min(bottom, right, height - top, width - left);
    return is && !(atBorder[i] && gap >= FAR * length && depth <= SHALLOW * length);
  });
}

// The box with a margin as wide as the box, cut off at the picture's edges.
function surroundings([top, left, bottom, right], whole) {
  const margin = Math.max(bottom - top, right - left);
  return [Math.max(top - margin, 0), Math.max(left - margin, 0), Math.min(bottom + margin, whole[2]),
    Math.min(right + margin, whole[3])];
}

// Scale so that the longer side is 20 pixels, and brighten thin strokes, which scaling makes pale.
function boxed(digit) {
  const scale = BOX / Math.max(digit.height, digit.width);
  const [height, width] = [digit.height, digit.width].map(side => Math.max(1, roundHalfToEven(side * scale)));
  const small = resample(digit, height, width);
  const brightest = rounded(mean(Float32Array.from(small.data).sort().slice(-BRIGHT)));
  const gain = rounded(Math.max(1, rounded(rounded(WHITE) / brightest)));
  return mapped(small, value => Math.min(rounded(value * gain), 1));
}

// Place in 28 x 28 pixels with the centre of mass in the pixel at (14, 14), as in every image of MNIST.
function centred(digit) {
  const {height, width, data} = digit;
  const rows = Array.from({length: height}, (_, y) => pairwiseSum(data.slice(y * width, (y + 1) * width)));
  const columns = Array.from({length: width}, (_, x) => {
    let mass = 0;
    for (let y = 0; y < height; y++) mass = rounded(mass + data[y * width + x]);
    return mass;
  });
  const [top, left] = [rows, columns].map(masses => {
    const centre = pairwiseSum(masses.map((mass, i) => mass * (i + 0.5)), value => value) / pairwiseSum(masses);
    return Math.min(Math.max(Math.ceil(SIZE / 2 - centre), 0), SIZE - masses.length);
  });
  const image = imageOf(SIZE, SIZE);
  for (let y = 0; y < height; y++) image.data.set(data.slice(y * width, (y + 1) * width), (top + y) * SIZE + left);
  return image;
}

// Say in sentences what was seen.
function notesOn(seen, touched) {
  const notes = [...seen.notes];
  if (touched.length) notes.push(`touches the border (${touched.join(", ")}): a part of the digit may be missing`);
  if (seen.pieces > 1) {
    notes.push(`${seen.pieces} separate pieces: taken as one digit; if they are several digits, cut out one of them`);
  }
  if (seen.specks) notes.push(`${seen.specks} small spot${seen.specks > 1 ? "s" : ""} left out as dirt`);
  if (seen.ink.uneven) notes.push("uneven background: shadows were removed");
  if (seen.ink.contrast < LOW_CONTRAST) {
    const percent = (100 * seen.ink.contrast).toFixed(0);
    notes.push(`faint: the digit differs from its background by ${percent}% of black to white`);
  }
  const [height, width] = [seen.box[2] - seen.box[0], seen.box[3] - seen.box[1]];
  if (Math.max(height, width) < BOX / 2) notes.push(`small: the digit is ${height} x ${width} pixels and was enlarged`);
  return notes;
}
