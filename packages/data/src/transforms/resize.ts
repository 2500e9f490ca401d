import { ArgumentError, checkOptions, requireList } from '@octet/backend';
import type { ImagePixels } from './to-tensor';

export interface ResizeOptions {
  /** Height and width of the result. */
  size: readonly [height: number, width: number];
}

/**
 * Pixels of another size, as torchvision's bilinear resize with antialiasing (on floats, rounded at the end): each pixel of the result is the mean
 * of those under a triangle as wide as two of its pixels, or as two of the source's where it grows. Channels as they are.
 *
 * @throws ArgumentError unless the sizes are whole numbers above 0; (when applied) for an image without pixels
 */
export function resize(options: ResizeOptions): (image: ImagePixels) => ImagePixels {
  const { size } = checkOptions('resize', options, 'size');
  requireList('resize', 'size', size);
  const [height, width] = size;
  if (size.length !== 2 || !size.every((n) => Number.isInteger(n) && n > 0)) throw badSize(size);
  return (image) => {
    const channels = image.data.length / (image.width * image.height);
    if (!(Number.isInteger(channels) && channels > 0)) throw notPixels(image);
    // Columns first: what follows has fewer of them.
    const rows = resample(Float32Array.from(image.data), {
      outer: image.height,
      from: image.width,
      to: width,
      inner: channels,
    });
    const all = resample(rows, { outer: 1, from: image.height, to: height, inner: width * channels });
    return { data: Uint8ClampedArray.from(all), width, height };
  };
}

interface Axis {
  readonly outer: number;
  readonly from: number;
  readonly to: number;
  readonly inner: number;
}

/** [outer, from, inner] → [outer, to, inner] */
function resample(source: Float32Array, { outer, from, to, inner }: Axis): Float32Array {
  if (from === to) return source;
  const scale = from / to;
  const reach = Math.max(scale, 1);
  const out = new Float32Array(outer * to * inner);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - reach + 0.5));
    const last = Math.min(from, Math.floor(center + reach + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs((first + k + 0.5 - center) / reach)),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    for (let o = 0; o < outer; o++) {
      const target = (o * to + i) * inner;
      for (const [k, weight] of weights.entries()) {
        const at = (o * from + first + k) * inner;
        for (let c = 0; c < inner; c++) out[target + c] += (weight / sum) * source[at + c];
      }
    }
  }
  return out;
}

function badSize(size: readonly number[]): ArgumentError {
  return new ArgumentError({
    op: 'resize',
    expected: 'size to be [height, width], whole numbers above 0',
    found: `[${size.join(', ')}]`,
    fix: 'Pass both.',
  });
}

function notPixels({ data, width, height }: ImagePixels): ArgumentError {
  return new ArgumentError({
    op: 'resize',
    expected: 'an image of one or more bytes a pixel',
    found: `${data.length} bytes for ${width} x ${height} pixels`,
    fix: 'Pass the width and height of the image.',
  });
}
