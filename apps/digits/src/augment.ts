import type { Generator } from '@octet/tensor';

const size = 28;
const middle = (size - 1) / 2;

/**
 * An image of 28 × 28 pixels turned by up to 12°, slanted, 0.85 to 1.15 times as large in each direction and moved by up
 * to 1.5 pixels, so that the network sees more hands than the data set has.
 */
export function augment(image: Uint8Array, random: Generator): Uint8Array {
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const angle = (between(-12, 12) * Math.PI) / 180;
  const [cos, sin, slant] = [Math.cos(angle), Math.sin(angle), between(-0.15, 0.15)];
  const [width, height] = [between(0.85, 1.15), between(0.85, 1.15)];
  const [right, down] = [between(-1.5, 1.5), between(-1.5, 1.5)];
  const out = new Uint8Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      // Where this pixel comes from.
      const [u, v] = [(x - middle - right) / width, (y - middle - down) / height];
      out[y * size + x] = sample(image, cos * u + (slant - sin) * v + middle, sin * u + cos * v + middle);
    }
  }
  return out;
}

/** The image between its pixels, bilinear; paper outside. */
function sample(image: Uint8Array, x: number, y: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const [right, below] = [x - column, y - row];
  const at = (i: number, j: number) => (i >= 0 && i < size && j >= 0 && j < size ? image[i * size + j] : 0);
  return Math.round(
    (1 - below) * ((1 - right) * at(row, column) + right * at(row, column + 1)) +
      below * ((1 - right) * at(row + 1, column) + right * at(row + 1, column + 1)),
  );
}
