// What NumPy and Pillow do for the Python files, in the same order and with the same rounding to 32 bits where it counts.
// An image is {height, width, data}: `data` holds its pixels row after row, as 32-bit numbers.

const rounded = Math.fround;

const imageOf = (height, width, data = new Float32Array(height * width)) => ({height, width, data});

// A new image with f(value, place) in each place; a loop takes a fraction of the time of `map`.
function mapped({height, width, data}, f) {
  const result = imageOf(height, width);
  for (let i = 0; i < data.length; i++) result.data[i] = f(data[i], i);
  return result;
}

function filtered(values, keep) {
  const result = new Float32Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) if (keep(values[i])) result[count++] = values[i];
  return result.subarray(0, count);
}

function span(values) { // [smallest, largest]; the arguments of Math.min would be too many
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

const mean = values => sum(values) / values.length;

// What np.percentile does: the value below which this share, in percent, of all values lies.
function percentile(values, share) {
  const position = (share / 100) * (values.length - 1);
  const [before, part] = [Math.floor(position), position % 1];
  const copy = new Float32Array(values);
  putInPlace(copy, before);
  const a = copy[before];
  const b = before + 1 < copy.length ? span(copy.subarray(before + 1))[0] : a;
  const step = rounded(b - a);
  return part < 0.5 ? rounded(a + rounded(step * rounded(part))) : rounded(b - rounded(step * rounded(1 - part)));
}

const median = values => percentile(values, 50);

// Exchange values until the one at `place` is what it would be in sorted ones, none before it is larger and none after
// it smaller (Hoare's quickselect, 1961); to sort all of them takes several times as long.
function putInPlace(values, place) {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        const value = values[i];
        values[i++] = values[j];
        values[j--] = value;
      }
    }
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else return;
  }
}

// A sum of at most 128 numbers as NumPy forms it, eight at a time; where two places tie, the last bit decides.
function pairwiseSum(values, round = rounded) {
  const whole = values.length - (values.length % 8);
  const parts = whole ? Array.from(values.slice(0, 8)) : [0];
  for (let i = 8; i < whole; i++) parts[i % 8] = round(parts[i % 8] + values[i]);
  let count = parts.length;
  while (count > 1) {
    count /= 2;
    for (let i = 0; i < count; i++) parts[i] = round(parts[2 * i] + parts[2 * i + 1]);
  }
  for (let i = whole; i < values.length; i++) parts[0] = round(parts[0] + values[i]);
  return parts[0];
}

const linspace = (first, last, count) =>
  Array.from({length: count}, (_, i) => (i && i === count - 1 ? last : first + (i * (last - first)) / (count - 1 || 1)));

function roundHalfToEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2) ? below + 1 : below;
}

const cut = (image, top, left, bottom, right) => {
  const part = imageOf(bottom - top, right - left);
  for (let y = top; y < bottom; y++) {
    part.data.set(image.data.subarray(y * image.width + left, y * image.width + right), (y - top) * part.width);
  }
  return part;
};

// For each place a function of the square window around it, along columns first and then along rows: `alongLine` gets a
// line with its border, which is repeated outwards, and the place for the results.
function overWindows(image, window, alongLine) {
  const reach = window >> 1;
  const {height, width} = image;
  let source = image.data;
  for (const [length, step, lines, lineStep] of [[height, width, width, 1], [width, 1, height, width]]) {
    const result = new Float32Array(source.length);
    const around = new Float32Array(length + 2 * reach);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < around.length; i++) {
        around[i] = source[line * lineStep + Math.min(Math.max(i - reach, 0), length - 1) * step];
      }
      alongLine(around);
      for (let place = 0; place < length; place++) result[line * lineStep + place * step] = around[place];
    }
    source = result;
  }
  return imageOf(height, width, source);
}

const smaller = (a, b) => (a < b ? a : b);
const larger = (a, b) => (a > b ? a : b);

// Minimum or maximum over the window, in steps that double.
const extremes = (image, window, better) => overWindows(image, window, around => {
  for (let done = 1, step; done < window; done += step) {
    step = Math.min(done, window - done);
    for (let i = 0; i + step < around.length; i++) around[i] = better(around[i], around[i + step]);
  }
});

const windowMean = image => overWindows(image, 3, around => {
  for (let i = 0; i + 2 < around.length; i++) around[i] = (around[i] + around[i + 1] + around[i + 2]) / 3;
});

// Scale as Pillow does with its bilinear filter: columns first, then rows, each new pixel a mean that is weighted by a
// triangle at least 2 pixels wide.
function resample(image, height, width) {
  let {data} = image;
  if (width !== image.width) {
    const weights = triangles(image.width, width);
    const next = new Float32Array(image.height * width);
    for (let y = 0; y < image.height; y++) {
      weights.forEach(({first, shares}, x) => {
        let total = 0;
        for (let i = 0; i < shares.length; i++) total += data[y * image.width + first + i] * shares[i];
        next[y * width + x] = total;
      });
    }
    data = next;
  }
  if (height !== image.height) {
    const next = new Float32Array(height * width);
    triangles(image.height, height).forEach(({first, shares}, y) => {
      for (let x = 0; x < width; x++) {
        let total = 0;
        for (let i = 0; i < shares.length; i++) total += data[(first + i) * width + x] * shares[i];
        next[y * width + x] = total;
      }
    });
    data = next;
  }
  return imageOf(height, width, data);
}

// For each new pixel along one axis, the first old one that it sees and the shares of those from there on.
function triangles(oldSize, newSize) {
  const scale = oldSize / newSize;
  const reach = Math.max(scale, 1);
  return Array.from({length: newSize}, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(Math.floor(centre - reach + 0.5), 0);
    const last = Math.min(Math.floor(centre + reach + 0.5), oldSize);
    const shares = Array.from({length: last - first}, (_, i) =>
      Math.max(1 - Math.abs((i + first - centre + 0.5) / reach), 0));
    const total = sum(shares);
    return {first, shares: shares.map(share => share / total)};
  });
}
