// Beside numpycnn/data/own_digit/ink.py: telling the ink from the paper. The numbers are explained there.

const SAME = 0.05;
const MOSTLY = 0.6;
const SHADOW = 0.15;
const FAINT = 0.03;
const SEPARATE = 3.6;
const STROKE = 0.3;
const MIXED = 0.08;
const PATCH = 0.02;
const FULL = 0.7;
const NOISY = 0.12;
const BLACK = 0.15;
const DARK = rounded(0.1);

// Separate ink from paper in shades from 0 to 1: {amount, contrast, dark, uneven, noise}.
function findInk(grey) {
  const [seen, bright] = [againstTheBorder(grey), brightInk(grey)];
  if (bright === null) return seen;
  const threshold = otsu(grey.data);
  const paper = median(filtered(grey.data, value => value > threshold !== bright));
  const inDoubt = seen.uneven && bright && paper < BLACK; // there are no shadows on black
  // Else the border shows more ink than paper.
  if (seen.contrast > 0 && seen.dark !== bright && !inDoubt) return seen;
  return {...clearLevels(mapped(grey, value => (bright ? value - paper : paper - value))), dark: !bright, uneven: false};
}

// Take for paper what the border shows.
function againstTheBorder(grey) {
  const {height, width, data} = grey;
  const column = x => Array.from({length: height}, (_, y) => data[y * width + x]);
  const border = [...data.slice(0, width), ...data.slice(-width), ...column(0), ...column(width - 1)];
  const shade = median(border);
  const [low, high] = span(data);
  const near = border.filter(value => Math.abs(rounded(value - shade)) <= rounded(SAME * rounded(high - low)));
  const even = near.length / border.length >= MOSTLY;
  let paper = even ? mapped(grey, () => shade) : surface(grey);
  const sign = sum(data.map((value, i) => (value - paper.data[i]) ** 3)) < 0 ? -1 : 1;
  const fromPaper = () => mapped(grey, (value, i) => sign * (value - paper.data[i]));
  const uneven = !even && hasShadows(fromPaper());
  if (uneven) {
    const broad = withoutStrokes(mapped(grey, value => sign * value));
    paper = mapped(broad, value => sign * value);
  }
  let difference = fromPaper();
  if (!even) { // where there is half the light, ink and paper differ by half as much
    const light = mean(paper.data);
    difference = mapped(difference, (value, i) => value * rounded(light / Math.max(paper.data[i], DARK)));
  }
  return {...clearLevels(difference), dark: sign < 0, uneven};
}

// Whether the brighter side is the ink of a digit that fills the picture; null if its shape does not tell.
function brightInk(grey) {
  const {height, width, data} = grey;
  const threshold = otsu(data);
  const isBright = mapped(grey, value => value > threshold);
  const column = x => Array.from({length: Math.max(height - 2, 0)}, (_, y) => isBright.data[(y + 1) * width + x]);
  const rows = [...isBright.data.subarray(0, width), ...isBright.data.subarray(data.length - width)];
  const share = mean([...rows, ...column(0), ...column(width - 1)]);
  if (!(share >= MIXED && share <= 1 - MIXED) || levels(grey).contrast === 0) return null;
  const [dark, bright] = [mapped(isBright, value => 1 - value), isBright].map(side => {
    const {sizes} = components(side);
    const enough = PATCH * span(sizes)[1];
    return sizes.filter(size => size >= enough).length;
  });
  const ink = bright === 1 ? mean(isBright.data) : 1 - mean(isBright.data);
  return Math.min(dark, bright) === 1 && Math.max(dark, bright) > 1 && ink <= FULL ? bright === 1 : null;
}

// Fit a quadratic in x and y to the paper: to the border first, then to all that lies near the fit.
function surface(grey) {
  const {height, width} = grey;
  const step = Math.max(1, Math.floor(Math.max(height, width) / 64));
  const [allY, allX] = [linspace(-1, 1, height), linspace(-1, 1, width)];
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const [marginY, marginX] = [rows, columns].map(n => Math.max(1, n >> 3));
  const sample = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const inside = y >= marginY && y < rows - marginY && x >= marginX && x < columns - marginX;
      const terms = quadraticTerms(allY[y * step], allX[x * step]);
      sample.push({terms, value: grey.data[y * step * width + x * step], kept: !inside});
    }
  }
  let coefficients;
  for (let round = 0; round < 5; round++) {
    coefficients = leastSquares(sample.filter(place => place.kept));
    const away = sample.map(({terms, value}) => Math.abs(value - dot(terms, coefficients)));
    const limit = Math.max(2.5 * 1.4826 * median(away), 0.01);
    sample.forEach((place, i) => { place.kept = away[i] <= limit; });
  }
  return mapped(grey, (_, i) => dot(quadraticTerms(allY[Math.floor(i / width)], allX[i % width]), coefficients));
}

const quadraticTerms = (y, x) => [1, y, x, y * y, x * y, x * x];

const dot = (a, b) => a.reduce((total, value, i) => total + value * b[i], 0);

// Solve the normal equations by elimination; a term that the places do not determine gets 0.
function leastSquares(places) {
  const size = 6;
  const rows = Array.from({length: size}, () => new Float64Array(size + 1));
  for (const {terms, value} of places) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) rows[i][j] += terms[i] * terms[j];
      rows[i][size] += terms[i] * value;
    }
  }
  for (let i = 0; i < size; i++) {
    if (rows[i][i] < 1e-9 * places.length) {
      rows[i].fill(0);
      continue;
    }
    for (let k = 0; k < size; k++) {
      const share = k === i ? 0 : rows[k][i] / rows[i][i];
      for (let j = i; j <= size; j++) rows[k][j] -= share * rows[i][j];
    }
  }
  return rows.map((row, i) => (row[i] ? row[size] / row[i] : 0));
}

// Whether what is broader than a stroke stands out, and not by little against the ink.
function hasShadows(difference) {
  const broad = withoutStrokes(difference);
  const contrast = percentile(mapped(difference, (value, i) => value - broad.data[i]).data, 99.5);
  const [low, high] = span(broad.data);
  return high - low > SHADOW * Math.max(contrast, FAINT);
}

// Wipe out what is bright and as narrow as a stroke (the morphological opening).
function withoutStrokes(image) {
  const window = Math.max(3, Math.floor(STROKE * Math.min(image.height, image.width)) | 1);
  return windowMean(extremes(extremes(image, window, smaller), window, larger));
}

// Add all places at most `pixels` away; a mask holds 0 and 1.
const widened = (mask, pixels) => extremes(mask, 2 * pixels + 1, larger);

// Stretch the ink from 0 to 1; with it its contrast and the noise relative to it; zeros if there is no ink.
function levels(difference) {
  const {height, width, data} = difference;
  const nothing = {amount: imageOf(height, width), contrast: 0, noise: 0};
  const [lowest, highest] = span(data);
  if (highest - lowest < FAINT) return nothing;
  const threshold = otsu(data);
  const ink = filtered(data, value => value > threshold);
  const paper = filtered(data, value => !(value > threshold));
  if (!ink.length || !paper.length) return nothing;
  const [inkMean, paperMean] = [mean(ink), mean(paper)];
  const contrast = inkMean - paperMean;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i] - (data[i] > threshold ? inkMean : paperMean)) ** 2;
  if (contrast < Math.max(FAINT, SEPARATE * Math.sqrt(squares / data.length))) return nothing;
  // Neighbours on the paper differ by noise alone; others are marked by -1.
  const steps = filtered(mapped(difference, (value, i) => {
    const next = (i + 1) % width ? data[i + 1] : Infinity;
    return value > threshold || next > threshold ? -1 : Math.abs(next - value);
  }).data, step => step >= 0);
  const noise = steps.length ? median(steps) / 0.954 : 0;
  const low = Math.min(median(paper) + 2.5 * noise, threshold);
  const stretch = rounded(percentile(ink, 90) - low);
  const amount = mapped(difference, value => Math.min(Math.max(rounded(value - rounded(low)) / stretch, 0), 1));
  return {amount, contrast, noise: noise / contrast};
}

// The same, from noisy paper once it is smoothed.
function clearLevels(difference) {
  const found = levels(difference);
  return found.noise > NOISY ? levels(windowMean(difference)) : found;
}

// The threshold that leaves the least variance within the two classes (Otsu 1979); 256 bins, as np.histogram has them.
function otsu(values) {
  const [low, high] = span(values);
  const edges = Float32Array.from(linspace(low, high, 257));
  const counts = new Float64Array(256);
  const width = rounded(high - low);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    let bin = Math.min(Math.trunc(rounded(rounded(rounded(value - low) / width) * 256)), 255);
    if (value < edges[bin]) bin--;
    else if (bin < 255 && value >= edges[bin + 1]) bin++;
    counts[bin]++;
  }
  const middles = Array.from(counts, (_, i) => rounded(rounded(edges[i] + edges[i + 1]) / 2));
  const all = values.length;
  const allMass = dot(Array.from(counts), middles);
  let [below, massBelow, best, first, last] = [0, 0, -1, 0, 0];
  for (let i = 0; i < 255; i++) {
    below += counts[i];
    massBelow += counts[i] * middles[i];
    const meanBelow = massBelow / Math.max(below, 1);
    const meanAbove = (allMass - meanBelow * below) / Math.max(all - below, 1);
    const between = below * (all - below) * (meanAbove - meanBelow) ** 2;
    if (between > best) [best, first] = [between, i];
    if (between === best) last = i; // a gap between the classes: every threshold in it is as good
  }
  return edges[1 + ((first + last) >> 1)];
}

// Number the connected pieces of a mask, eight neighbours a pixel: 0 outside, 1 to `sizes.length` inside; `boxes` holds
// top, left, bottom, right of each, the last two exclusive.
function components(mask) {
  const {height, width, data} = mask;
  const labels = new Int32Array(data.length);
  const [sizes, boxes] = [[], []];
  for (let start = 0; start < data.length; start++) {
    if (!data[start] || labels[start]) continue;
    const waiting = [start];
    const label = labels[start] = boxes.length + 1;
    let [size, top, left, bottom, right] = [0, height, width, 0, 0];
    while (waiting.length) {
      const place = waiting.pop();
      const [y, x] = [Math.floor(place / width), place % width];
      size++;
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++) {
        for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
          const near = v * width + u;
          if (!data[near] || labels[near]) continue;
          labels[near] = label;
          waiting.push(near);
        }
      }
    }
    sizes.push(size);
    boxes.push([top, left, bottom, right]);
  }
  return {labels, sizes, boxes};
}
