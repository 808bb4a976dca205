// Beside numpycnn/data/own_digit/turned.py: digits that lie on their side look like none as they are, and like one once
// they are turned.

const DEGREES = [45, 90, 135, 180, 225, 270, 315];

// `isSure` says of another image whether the network is sure of it.
const seemsTurned = (image, isSure) => DEGREES.some(degrees => isSure(turned(image, degrees)));

// Turn a digit as Pillow does with its bilinear filter, and place it as MNIST's makers would have done.
function turned({height, width, data}, degrees) {
  const [cos, sin] = [Math.cos, Math.sin].map(f => Number(f((-degrees * Math.PI) / 180).toFixed(15)));
  const side = 2 * Math.ceil((SIZE / 2) * (Math.abs(cos) + Math.abs(sin)));
  const whole = imageOf(side, side);
  for (let v = 0, i = 0; v < side; v++) {
    for (let u = 0; u < side; u++, i++) {
      const [x, y] = [u + 0.5 - side / 2, v + 0.5 - side / 2];
      const [across, down] = [cos * x + sin * y + width / 2, cos * y - sin * x + height / 2];
      if (across < 0 || across >= width || down < 0 || down >= height) continue;
      const [left, top] = [Math.floor(across - 0.5), Math.floor(down - 0.5)];
      const along = row => {
        const [a, b] = [left, left + 1].map(column => data[row * width + Math.min(Math.max(column, 0), width - 1)]);
        return a + (b - a) * (across - 0.5 - left);
      };
      const [a, b] = [top, top + 1].map(row => along(Math.min(Math.max(row, 0), height - 1)));
      whole.data[i] = a + (b - a) * (down - 0.5 - top);
    }
  }
  return centred(boxed(cut(whole, ...inked(whole))));
}
