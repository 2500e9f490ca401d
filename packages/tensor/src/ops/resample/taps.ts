import type { ResampleAttrs, ResampleSource } from '@octet/backend';

/** By which places of a dim each place of another is made, as many for each: [to, taps]. */
export interface Taps {
  readonly index: Int32Array;
  readonly weight: Float32Array;
}

const f32 = Math.fround;

/** What decides the taps of one dim. */
export interface Sampling extends Pick<ResampleSource, 'mode' | 'coordinates'> {
  readonly from: number;
  readonly to: number;
  /** Input steps for each of the output's. */
  readonly scale: number;
}

/** PyTorch's, float32 step by float32 step. */
export function tapsOf({ mode, coordinates, from, to, scale }: Sampling): Taps {
  const last = from - 1;
  if (mode === 'nearest') {
    const half = coordinates === 'half_pixel' ? 0.5 : 0;
    const index = Int32Array.from({ length: to }, (_, i) =>
      Math.min(Math.floor(f32((i + half) * f32(scale))), last),
    );
    return { index, weight: new Float32Array(to).fill(1) };
  }
  const source = (i: number) =>
    coordinates === 'align_corners' ? f32(f32(scale) * i) : f32(f32(f32(scale) * (i + 0.5)) - 0.5);
  if (mode === 'linear') {
    const index = new Int32Array(2 * to);
    const weight = new Float32Array(2 * to);
    for (let i = 0; i < to; i++) {
      const at = Math.max(source(i), 0);
      const low = Math.min(Math.floor(at), last);
      const share = Math.min(Math.max(f32(at - low), 0), 1);
      index.set([low, Math.min(low + 1, last)], 2 * i);
      weight.set([f32(1 - share), share], 2 * i);
    }
    return { index, weight };
  }
  const index = new Int32Array(4 * to);
  const weight = new Float32Array(4 * to);
  for (let i = 0; i < to; i++) {
    const at = source(i);
    const low = Math.floor(at);
    const t = Math.min(Math.max(f32(at - low), 0), 1);
    const distances = [t + 1, t, 1 - t, 2 - t];
    for (let k = 0; k < 4; k++) {
      index[4 * i + k] = Math.min(Math.max(low - 1 + k, 0), last);
      weight[4 * i + k] = cubic(distances[k]);
    }
  }
  return { index, weight };
}

/** Keys' kernel with a = -0.75. */
function cubic(d: number): number {
  const a = -0.75;
  return d < 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/** The same the other way round: by which places of the output each of `from` places is used. */
function transposed({ index, weight }: Taps, from: number, to: number): Taps {
  const taps = index.length / to;
  const users: [number, number][][] = Array.from({ length: from }, () => []);
  index.forEach((at, i) => {
    if (weight[i] !== 0) users[at].push([Math.floor(i / taps), weight[i]]);
  });
  const most = Math.max(1, ...users.map((list) => list.length));
  const out = { index: new Int32Array(from * most), weight: new Float32Array(from * most) };
  users.forEach((list, i) => {
    list.forEach(([at, w], k) => {
      out.index[i * most + k] = at;
      out.weight[i * most + k] = w;
    });
  });
  return out;
}

export function attrsOf(rows: Taps, columns: Taps, of?: ResampleSource): ResampleAttrs {
  const attrs = {
    rowIndex: rows.index,
    rowWeight: rows.weight,
    columnIndex: columns.index,
    columnWeight: columns.weight,
  };
  return of ? { ...attrs, of } : attrs;
}

/** Of the gradient: from [toHeight, toWidth] back to [height, width]. */
export function backwardAttrs(
  rows: Taps,
  columns: Taps,
  [height, width]: readonly number[],
  [toHeight, toWidth]: readonly number[],
): ResampleAttrs {
  return attrsOf(transposed(rows, height, toHeight), transposed(columns, width, toWidth));
}
