import { Tensor, tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput } from '../inputs';

/** From so many elements on, a dim is a place: rows and columns of an image, frames of a sound. */
const PLACES = 16;
/** How far places move, as a part of their number. */
const SHIFT = 0.25;

/**
 * Inputs like those that are given, for where they are few: floats are moved along dims of many places (with their mirror image behind the
 * edge, in tensors with two such dims), made stronger or weaker about their mean by up to 0.3, and mixed with another input's. The same for the same number `n`. What
 * isn't float32 stays, and so does what another input has in another shape.
 */
export async function varied(inputs: readonly ModelInput[], n: number): Promise<ModelInput> {
  const random = numbers(n);
  const one = argumentsOf(inputs[n % inputs.length]);
  const other = argumentsOf(inputs[Math.floor(random() * inputs.length)]);
  const shifts = [random(), random()].map((r) => SHIFT * (2 * r - 1));
  const gain = 0.7 + 0.6 * random();
  const offset = 0.3 * (2 * random() - 1);
  const share = random() < 0.4 ? 0.5 * random() : 0;
  return Promise.all(
    one.map(async (given, i) => {
      if (!(given instanceof Tensor) || given.dtype !== 'float32' || given.numel < PLACES) return given;
      let data = Float32Array.from(await given.data());
      const places = given.shape.flatMap((size, dim) => (dim > 0 && size >= PLACES ? [dim] : []));
      if (places.length >= 2)
        for (const [k, dim] of places.slice(0, 2).entries())
          data = moved(data, given.shape, dim, Math.round(shifts[k] * given.shape[dim]));
      const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
      const deviation = Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length);
      const beside = other[i] as Tensor;
      const mixed = share > 0 && beside.shape.join() === given.shape.join() ? await beside.data() : undefined;
      for (let k = 0; k < data.length; k++) {
        const v = mean + gain * (data[k] - mean) + offset * deviation;
        data[k] = mixed ? (1 - share) * v + share * mixed[k] : v;
      }
      return tensor(data, { backend: given.backend }).reshape(given.shape);
    }),
  );
}

/** Along a dim by so many places. */
function moved(
  data: Float32Array<ArrayBuffer>,
  shape: readonly number[],
  dim: number,
  by: number,
): Float32Array<ArrayBuffer> {
  const size = shape[dim];
  const inner = shape.slice(dim + 1).reduce((n, d) => n * d, 1);
  const result = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += size * inner) {
    for (let i = 0; i < size; i++) {
      const at = i + by < 0 ? -1 - i - by : i + by >= size ? 2 * size - 1 - i - by : i + by;
      const from = start + at * inner;
      result.set(data.subarray(from, from + inner), start + i * inner);
    }
  }
  return result;
}

/** From 0 to 1, as a function of `seed`: mulberry32. */
function numbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
