// The network: each layer as a function of its input, as numpycnn/layers has them. All numbers of an image lie in one
// Float32Array, row after row, pixel after pixel, channel after channel.

const LAYERS = {
  convolution({input, output, window, groups, channels, weight, bias}, x) {
    const filters = output[2];
    const [channelsEach, filtersEach] = [channels / groups, filters / groups];
    return overWindowsOf(input, output, window, (places, put) => {
      const total = Float64Array.from(bias);
      places((pixel, element) => {
        for (let c = 0; c < channels; c++) {
          const value = x[pixel * channels + c];
          if (value === 0) continue;
          const first = Math.floor(c / channelsEach) * filtersEach;
          const w = (element * channelsEach + (c % channelsEach)) * filters;
          for (let f = first; f < first + filtersEach; f++) total[f] += value * weight[w + f];
        }
      });
      put(total);
    });
  },

  separable: ({parts}, x) => parts.reduce((y, part) => LAYERS.convolution(part, y), x),

  dense({output: [units], weight, bias}, x) {
    const total = Float64Array.from(bias);
    x.forEach((value, i) => {
      if (value !== 0) for (let unit = 0; unit < units; unit++) total[unit] += value * weight[i * units + unit];
    });
    return Float32Array.from(total);
  },

  maxPool: ({input, output, window}, x) => overWindowsOf(input, output, window, (places, put) => {
    const best = new Float64Array(input[2]).fill(-Infinity);
    places(pixel => best.forEach((value, c) => { best[c] = Math.max(value, x[pixel * best.length + c]); }));
    put(best);
  }),

  averagePool: ({input, output, window}, x) => overWindowsOf(input, output, window, (places, put) => {
    const total = new Float64Array(input[2]);
    let count = 0; // zeros around the image do not count
    places(pixel => {
      total.forEach((value, c) => { total[c] = value + x[pixel * total.length + c]; });
      count++;
    });
    put(total.map(value => value / count));
  }),

  zeroPad: ({input, output, window}, x) => overWindowsOf(input, output, window, (places, put) => {
    const pixels = new Float64Array(input[2]);
    places(pixel => pixels.set(x.subarray(pixel * pixels.length, (pixel + 1) * pixels.length)));
    put(pixels);
  }),

  batchNorm: ({mean, scale, offset}, x) =>
    x.map((value, i) => (value - mean[i % mean.length]) * scale[i % mean.length] + offset[i % mean.length]),

  layerNorm({epsilon, scale, offset}, x) {
    const y = new Float32Array(x.length);
    for (let first = 0; first < x.length; first += scale.length) {
      const one = x.subarray(first, first + scale.length);
      const middle = mean(one);
      const spread = Math.sqrt(mean(Float64Array.from(one, value => (value - middle) ** 2)) + epsilon);
      one.forEach((value, c) => { y[first + c] = ((value - middle) / spread) * scale[c] + offset[c]; });
    }
    return y;
  },

  relu: (_, x) => x.map(value => Math.max(value, 0)),
  leakyRelu: ({slope}, x) => x.map(value => (value > 0 ? value : slope * value)),
  elu: ({alpha}, x) => x.map(value => (value > 0 ? value : alpha * Math.expm1(value))),
  silu: (_, x) => x.map(value => value / (1 + Math.exp(-value))),
  gelu: ({approximate}, x) => x.map(value => {
    const cubic = Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3);
    return (value / 2) * (1 + (approximate ? Math.tanh(cubic) : errorFunction(value / Math.SQRT2)));
  }),
  sigmoid: (_, x) => x.map(value => 1 / (1 + Math.exp(-value))),
  tanh: (_, x) => x.map(Math.tanh),
  rescale: ({scale, offset}, x) => x.map(value => value * scale + offset),
  softmax({output}, x) {
    const classes = output[output.length - 1];
    const y = new Float32Array(x.length);
    for (let i = 0; i < x.length; i += classes) y.set(softmax(x.slice(i, i + classes)), i);
    return y;
  },
  same: (_, x) => x, // Flatten and Reshape keep the numbers in order; Dropout and noise are for training
};

// To 1.5e-7: Abramowitz and Stegun, 7.1.26.
function errorFunction(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const terms = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
  return Math.sign(x) * (1 - terms.reduce((total, term) => (total + term) * t, 0) * Math.exp(-x * x));
}

function softmax(logits) {
  const [, highest] = span(logits);
  const powers = Array.from(logits, logit => Math.exp(logit - highest));
  const total = sum(powers);
  return powers.map(power => power / total);
}

// Lay windows over the image. For each, `compute(places, put)`: `places` calls back with every pixel under the window
// and its number within the window, `put` takes the numbers of one pixel of the output.
function overWindowsOf([height, width], output, {kernel, strides, dilation, before}, compute) {
  const y = new Float32Array(output[0] * output[1] * output[2]);
  for (let row = 0; row < output[0]; row++) {
    for (let column = 0; column < output[1]; column++) {
      const places = use => {
        for (let ky = 0; ky < kernel[0]; ky++) {
          const v = row * strides[0] + ky * dilation[0] - before[0];
          if (v < 0 || v >= height) continue;
          for (let kx = 0; kx < kernel[1]; kx++) {
            const u = column * strides[1] + kx * dilation[1] - before[1];
            if (u >= 0 && u < width) use(v * width + u, ky * kernel[1] + kx);
          }
        }
      };
      compute(places, numbers => y.set(numbers, (row * output[1] + column) * output[2]));
    }
  }
  return y;
}

// Weights come as four letters each: the upper 24 of a number's 32 bits, in base64.
function weightsOf(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const wide = new Uint8Array((bytes.length / 3) * 4);
  for (let i = 0; i < bytes.length; i += 3) wide.set(bytes.subarray(i, i + 3), (i / 3) * 4 + 1);
  const view = new DataView(wide.buffer);
  return Float32Array.from({length: wide.length / 4}, (_, i) => view.getFloat32(4 * i, true));
}

function readModel(text) {
  const model = JSON.parse(text);
  for (const layer of model.layers.flatMap(layer => layer.parts || [layer])) {
    if (layer.weight) layer.weight = weightsOf(layer.weight);
  }
  const {confidence} = model;
  for (const name of ["whitening", "means"]) if (confidence?.[name]) confidence[name] = weightsOf(confidence[name]);
  return model;
}

// What each layer makes of the input, the probabilities of the classes, and what to think of the answer.
function run(model, x) {
  const activations = [];
  let given = x; // to the last layer
  let means = []; // of the last maps before it
  model.layers.forEach((layer, i) => {
    given = x;
    x = LAYERS[layer.does](layer, x);
    activations.push(x);
    if (i + 1 < model.layers.length && layer.shape.length === 3) means = meansOf(x, layer.shape[2]);
  });
  const length = Math.max(Math.sqrt(sum(given.map(value => value * value))), 1e-12);
  const features = [...given.map(value => value / length), ...means];
  const probabilities = softmax(x);
  return {activations, features, probabilities, verdict: judge(model.confidence, probabilities, features)};
}

// The mean of each map; `x` holds them pixel after pixel.
function meansOf(x, maps) {
  const totals = new Float64Array(maps);
  x.forEach((value, i) => { totals[i % maps] += value; });
  return totals.map(total => (total * maps) / x.length);
}

// What the network is given of a picture: {image, channels, box, notes}.
function inputOf(model, picture) {
  const {height, width, channels, prepare} = model.input;
  if (prepare === "digit") return {channels: 1, ...prepareDigit(picture)};
  return {channels, box: null, notes: [], empty: false, image: resized(picture, height, width, channels)};
}

// Run the network on such an image, 0 to 1: its pixels were bytes times `scale` in training.
const predict = (model, image) => run(model, image.data.map(value => value * 255 * model.input.scale));

// All that is to be said of a picture, once the network has answered.
function notesOf(model, {image, notes}, verdict) {
  const words = model.confidence?.words;
  if (!model.input.digits || !words || verdict !== words.none) return notes;
  const isSure = copy => predict(model, copy).verdict === words.sure;
  if (!seemsTurned(image, isSure)) return notes;
  return [...notes, "may lie on its side: the network is sure of it when it is turned"];
}

// Beside numpycnn/metrics/confidence.py: in words, whether to trust the answer; null where the model does not know.
function judge(confidence, probabilities, features) {
  if (!confidence) return null;
  const {temperature, threshold, limit, words} = confidence;
  const [, best] = span(softmax(probabilities.map(share => Math.log(Math.max(share, 1e-45)) / temperature)));
  if (best < 0.5 || (confidence.means && classDistance(confidence, features) > limit)) return words.none;
  return best >= threshold ? words.sure : words.notSure;
}

// Beside numpycnn/metrics/distance.py: how far features are from the nearest class.
function classDistance({whitening, means}, features) {
  const size = features.length;
  const white = new Float64Array(size);
  features.forEach((value, i) => {
    if (value !== 0) for (let j = 0; j < size; j++) white[j] += value * whitening[i * size + j];
  });
  let nearest = Infinity;
  for (let first = 0; first < means.length; first += size) {
    nearest = Math.min(nearest, sum(white.map((value, j) => (value - means[first + j]) ** 2)));
  }
  return Math.sqrt(nearest);
}
