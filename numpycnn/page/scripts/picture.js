// Beside numpycnn/data/own_digit/picture.py: a picture of any size as shades of grey. The browser has decoded it and
// turned it as its EXIF orientation says; it is read in strips, so that no copy of a large one is made.

const MAX_PIXELS = 50_000_000;
const STRIP = 1_000_000; // pixels that are turned into numbers at a time

// `pixels(top, left, height, width)` returns the bytes of a part: red, green, blue, alpha, pixel after pixel. `printed`
// says whether lines may be printed on the paper.
function readPicture(height, width, pixels, printed = true) {
  if (height * width === 0) throw new Refused("This picture has no pixels.");
  if (height * width > MAX_PIXELS) {
    throw new Refused(`This picture has ${width} x ${height} pixels; at most ${MAX_PIXELS / 1e6} million can be read. ` +
      "Cut it to the digit or scale it down.");
  }
  return {height, width, pixels, printed, notes: [], whole: [0, 0, height, width]};
}

class Refused extends Error {} // with a message for the reader of the page

// A region's shades, 0 to 1: means of squares of `factor` x `factor` pixels; what is left over is left out.
const shades = (picture, region, factor) => toGrey(reduced(picture, region, factor));

const HUES = [[0.5, -0.5, 0], [-0.25, -0.25, 0.5]]; // red against green, both against blue

// How much of a hue there is, 0 to 1; 0.5 is grey, and what is transparent.
function hueShades(picture, region, factor, [r, g, b]) {
  const [red, green, blue, alpha] = reduced(picture, region, factor);
  return mapped(red, (value, i) =>
    0.5 + rounded(rounded(r * value + g * green.data[i] + b * blue.data[i]) / 255) * (alpha.data[i] / 255));
}

// Such means of red, green, blue and alpha, 0 to 255.
function reduced(picture, [top, left, bottom, right], factor) {
  const [rows, columns] = [Math.max(1, Math.floor((bottom - top) / factor)),
    Math.max(1, Math.floor((right - left) / factor))];
  const [tall, wide] = [Math.min(factor, bottom - top), Math.min(factor, right - left)];
  const channels = Array.from({length: 4}, () => imageOf(rows, columns));
  const step = Math.max(1, Math.floor(STRIP / (factor * columns * wide)));
  for (let start = 0; start < rows; start += step) {
    const count = Math.min(step, rows - start);
    const bytes = picture.pixels(top + start * tall, left, count * tall, columns * wide);
    for (let y = 0, at = 0; y < count * tall; y++) {
      const row = (start + Math.floor(y / tall)) * columns;
      for (let x = row; x < row + columns; x++) {
        for (let dx = 0; dx < wide; dx++) for (const {data} of channels) data[x] += bytes[at++];
      }
    }
  }
  return channels.map(channel => mapped(channel, total => total / (tall * wide)));
}

function toGrey([red, green, blue, alpha]) {
  const grey = mapped(red, (r, i) => {
    const [g, b] = [green.data[i], blue.data[i]];
    return (r === g && g === b ? r : 0.299 * r + 0.587 * g + 0.114 * b) / 255; // ITU-R BT.601: how bright they look
  });
  return onPaper(grey, grey, alpha);
}

// What is transparent becomes background: dark strokes are laid on white, bright ones on black.
function onPaper(channel, grey, alpha) {
  if (span(alpha.data)[0] === 255) return channel;
  const opaque = alpha.data.map(value => value / 255);
  const brightness = sum(grey.data.map((value, i) => value * opaque[i])) / Math.max(sum(opaque), 1e-6);
  const paper = brightness > 0.5 ? 0 : 1;
  return mapped(channel, (value, i) => value * opaque[i] + paper * (1 - opaque[i]));
}

// Beside `resized` in numpycnn/data/inputs.py: the whole picture in this size, as a network that learned no digits wants
// it; the pixels of a picture in colour are threes of numbers.
function resized(picture, height, width, channels) {
  const most = 4_000_000; // pixels that are resized exactly
  const squares = Math.min(Math.floor(picture.height / (2 * height)), Math.floor(picture.width / (2 * width)));
  const factor = Math.max(1, squares, Math.floor(Math.sqrt(Math.floor((picture.height * picture.width) / most))));
  const [red, green, blue, alpha] = reduced(picture, picture.whole, factor);
  const grey = toGrey([red, green, blue, imageOf(red.height, red.width, alpha.data.map(() => 255))]);
  const colours = channels === 1 ? [grey] : [red, green, blue].map(colour => mapped(colour, value => value / 255));
  const image = imageOf(height, width, new Float32Array(height * width * channels));
  colours.forEach((colour, channel) => {
    resample(onPaper(colour, grey, alpha), height, width).data.forEach((value, i) => {
      image.data[i * channels + channel] = roundHalfToEven(255 * Math.min(Math.max(value, 0), 1)) / 255;
    });
  });
  return image;
}
