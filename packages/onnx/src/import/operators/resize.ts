import { ArgumentError } from '@octet/backend';
import { ones, resample2d, type Taps, Tensor } from '@octet/tensor';
import { HostTensor, toHost, toTensor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { axisOf, intsOf, isFloat } from './helpers';
import { concat } from './views';

interface Sampling {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  readonly outsideValue: number;
}

/** Where output pixel `i` of `to` lies among `from` pixels. */
function coordinate(
  kind: string,
  i: number,
  from: number,
  to: number,
  scale: number,
  roi: readonly [number, number],
): number {
  switch (kind) {
    case 'align_corners': {
      // By scales the size that is meant may be no whole number.
      const size = Math.abs(from * scale - to) < 1e-4 ? to : from * scale;
      return to === 1 ? 0 : (i * (from - 1)) / (size - 1);
    }
    case 'asymmetric':
      return i / scale;
    case 'pytorch_half_pixel':
      return to === 1 ? 0 : (i + 0.5) / scale - 0.5;
    case 'tf_half_pixel_for_nn':
      return (i + 0.5) / scale;
    case 'half_pixel_symmetric': {
      const adjustment = to / (scale * from);
      return (from / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    case 'tf_crop_and_resize': {
      const [start, end] = roi;
      return to === 1
        ? (start + end) * 0.5 * (from - 1)
        : start * (from - 1) + (i * (end - start) * (from - 1)) / (to - 1);
    }
    default:
      return (i + 0.5) / scale - 0.5;
  }
}

function nearestOf(kind: string, x: number): number {
  if (kind === 'floor') return Math.floor(x);
  if (kind === 'ceil') return Math.ceil(x);
  // A tie goes down or up; a little beside it is one too.
  const low = Math.floor(x);
  if (Math.abs(x - low - 0.5) < 1e-9) return kind === 'round_prefer_ceil' ? low + 1 : low;
  return Math.round(x);
}

function weightOf({ mode, cubic }: Sampling, distance: number): number {
  const d = Math.abs(distance);
  if (mode === 'linear') return Math.max(0, 1 - d);
  if (d < 1) return ((cubic + 2) * d - (cubic + 3)) * d * d + 1;
  return d < 2 ? ((cubic * d - 5 * cubic) * d + 8 * cubic) * d - 4 * cubic : 0;
}

/** The input's pixels of an axis that each output pixel is made of, and their weights. */
function tapsOf(
  s: Sampling,
  from: number,
  to: number,
  scale: number,
  roi: readonly [number, number],
): [at: number, weight: number][][] {
  const out: [number, number][][] = Array.from({ length: to }, () => []);
  const inside = (i: number) => i >= 0 && i < from;
  const clamped = (i: number) => Math.min(Math.max(i, 0), from - 1);
  for (let i = 0; i < to; i++) {
    const x = coordinate(s.coordinates, i, from, to, scale, roi);
    if (isOutside(s, x, from)) continue;
    if (s.mode === 'nearest') {
      out[i] = [[clamped(nearestOf(s.nearest, x)), 1]];
      continue;
    }
    const stretch = s.antialias && scale < 1 ? scale : 1;
    const reach = (s.mode === 'linear' ? 1 : 2) / stretch;
    const taps: [number, number][] = [];
    let total = 0;
    for (let k = Math.floor(x - reach); k <= Math.ceil(x + reach); k++) {
      const w = weightOf(s, (k - x) * stretch);
      if (w === 0 || (s.excludeOutside && !inside(k))) continue;
      taps.push([clamped(k), w]);
      total += w;
    }
    out[i] = taps.map(([k, w]) => [k, w / total]);
  }
  return out;
}

/** The same as weights [to, from]. */
function weights(
  s: Sampling,
  from: number,
  to: number,
  scale: number,
  roi: readonly [number, number],
): HostTensor {
  const out = HostTensor.zeros([to, from], 'float32');
  tapsOf(s, from, to, scale, roi).forEach((taps, i) => {
    for (const [k, w] of taps) out.data[i * from + k] += w;
  });
  return out;
}

/** The same with as many for each, as the kernel takes them. */
function evenTaps(s: Sampling, from: number, to: number, scale: number): Taps {
  const all = tapsOf(s, from, to, scale, [0, 1]);
  const most = Math.max(1, ...all.map(({ length }) => length));
  const taps = { index: new Int32Array(to * most), weight: new Float32Array(to * most) };
  all.forEach((list, i) => {
    list.forEach(([at, w], k) => {
      taps.index[i * most + k] = at;
      taps.weight[i * most + k] = w;
    });
  });
  return taps;
}

/** Where a crop reaches beyond the input. */
function isOutside({ coordinates }: Sampling, x: number, from: number): boolean {
  return coordinates === 'tf_crop_and_resize' && !(x >= 0 && x <= from - 1);
}

/** x along `dim` by weights [to, from]. */
function along(x: Tensor, dim: number, w: HostTensor): Tensor {
  const [to, from] = w.shape;
  const order = [...x.shape.map((_, d) => d).filter((d) => d !== dim), dim];
  const moved = x.permute(order);
  const matrix = toTensor(w, x.backend);
  const y = moved
    .reshape([-1, from])
    .matmul(matrix.transpose(0, 1))
    .reshape([...moved.shape.slice(0, -1), to]);
  const back = order.map((_, d) => (d === dim ? order.length - 1 : d < dim ? d : d - 1));
  return y.permute(back);
}

/** A crop of x, resized; what lies outside of x is the sampling's `outsideValue`. */
function cropped(x: Tensor, s: Sampling, sizes: readonly number[], roi: readonly number[]): Tensor {
  const rank = x.dim;
  let y = x;
  let inside = ones([], { backend: x.backend });
  for (const [d, to] of sizes.entries()) {
    const from = x.shape[d];
    const range: [number, number] = [roi[d], roi[d + rank]];
    const row = HostTensor.zeros(
      sizes.map((_, k) => (k === d ? to : 1)),
      'float32',
    );
    for (let i = 0; i < to; i++)
      row.data[i] = Number(!isOutside(s, coordinate(s.coordinates, i, from, to, 1, range), from));
    inside = inside.mul(toTensor(row, x.backend));
    y = along(y, d, weights(s, from, to, 1, range));
  }
  return y.add(inside.affine(-s.outsideValue, s.outsideValue));
}

/** Each element `times` times over along `dim`. */
function repeated(x: Value, dim: number, times: number): Value {
  const shape = [...x.shape.slice(0, dim + 1), 1, ...x.shape.slice(dim + 1)];
  const wide = x.reshape(shape).expand(shape.map((n, d) => (d === dim + 1 ? times : n)));
  return wide.reshape(x.shape.map((n, d) => (d === dim ? n * times : n)));
}

function resample(
  x: Value,
  sampling: Sampling,
  sizes: readonly number[],
  scales: readonly number[],
  roi: readonly number[],
  backend: Parameters<typeof toTensor>[1],
): Value {
  if (!Array.from(sizes).every((n) => Number.isInteger(n) && n >= 1 && n < 2 ** 24)) {
    throw new ArgumentError({
      op: 'Resize',
      expected: 'sizes >= 1',
      found: `[${sizes}]`,
      fix: 'Check the sizes or scales, and the sizes of the input.',
    });
  }
  if (sampling.coordinates === 'tf_crop_and_resize')
    return cropped(toTensor(x, backend), sampling, sizes, roi);
  // Images, on the backend: one kernel. Of nearest pixels, those that are there already.
  const isImage =
    x.shape.length === 4 && sizes.every((n, d) => d > 1 || (n === x.shape[d] && scales[d] === 1));
  const isReal = isFloat(x) || (x instanceof Tensor && x.isQuantized);
  if (isImage && isReal && (sampling.mode !== 'nearest' || x instanceof Tensor)) {
    const [rows, columns] = [2, 3].map((d) => evenTaps(sampling, x.shape[d], sizes[d], scales[d]));
    return resample2d(toTensor(x, backend), rows, columns, [sizes[2], sizes[3]]);
  }
  const range: [number, number] = [0, 1];
  return sizes.reduce<Value>((y, to, d) => {
    const from = y.shape[d];
    if (to === from && (scales[d] ?? 1) === 1) return y;
    if (sampling.mode !== 'nearest')
      return along(toTensor(y, backend), d, weights(sampling, from, to, scales[d], range));
    const picks = Array.from({ length: to }, (_, i) => {
      const at = nearestOf(sampling.nearest, coordinate(sampling.coordinates, i, from, to, scales[d], range));
      return Math.min(Math.max(at, 0), from - 1);
    });
    const times = to / from;
    if (Number.isInteger(times) && picks.every((p, i) => p === Math.floor(i / times)))
      return repeated(y, d, times);
    // Runs of consecutive ones as views.
    const parts: Value[] = [];
    for (let i = 0; i < to; ) {
      const step = i + 1 < to ? picks[i + 1] - picks[i] : 1;
      let j = i + 1;
      while (j < to && step >= 1 && picks[j] - picks[j - 1] === step) j++;
      parts.push(y.slice(d, picks[i], picks[j - 1] + 1, Math.max(1, step)));
      i = j;
    }
    return concat(parts, d);
  }, x);
}

function resize(
  node: OnnxNode,
  roi: Operand | undefined,
  scales: Operand | undefined,
  sizes: Operand | undefined,
): Operand {
  const sampling: Sampling = {
    mode: node.string('mode', 'nearest'),
    coordinates: node.string('coordinate_transformation_mode', 'half_pixel'),
    nearest: node.string('nearest_mode', 'round_prefer_floor'),
    cubic: node.float('cubic_coeff_a', -0.75),
    excludeOutside: node.flag('exclude_outside'),
    antialias: node.flag('antialias'),
    outsideValue: node.float('extrapolation_value', 0),
  };
  const axes = node.ints('axes');
  const policy = node.string('keep_aspect_ratio_policy', 'stretch');
  return node.call1(
    ([x, r, byScale, bySize], { backend }) => {
      const { shape } = x as Value;
      const dims = axes?.map((a) => axisOf(a, shape.length)) ?? shape.map((_, d) => d);
      const factors = new Array<number>(shape.length).fill(1);
      const target = [...shape];
      if (byScale && byScale.shape[0] !== 0) {
        const list = Array.from(byScale instanceof HostTensor ? byScale.data : byScale.dataSync());
        for (const [i, d] of dims.entries()) {
          factors[d] = list[i];
          target[d] = Math.floor(shape[d] * list[i] + 1e-6);
        }
      } else if (bySize) {
        const wanted = intsOf(bySize);
        let ratios = dims.map((d, i) => wanted[i] / shape[d]);
        if (policy !== 'stretch') {
          const one = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
          ratios = ratios.map(() => one);
        }
        for (const [i, d] of dims.entries()) {
          factors[d] = ratios[i];
          target[d] = policy === 'stretch' ? wanted[i] : Math.floor(shape[d] * ratios[i] + 0.5);
        }
      }
      return resample(x as Value, sampling, target, factors, fullRoi(r, dims, shape.length), backend);
    },
    [node.input(0), roi, scales, sizes],
    {
      ...{ host: [1, 2, 3], rank: node.input(0).rank, fold: false },
      attributes: { mode: sampling.mode },
    },
  );
}

/** The region [starts…, ends…] of all dims. */
function fullRoi(roi: Value | undefined, dims: readonly number[], rank: number): number[] {
  const all: number[] = Array.from({ length: 2 * rank }, (_, i) => (i < rank ? 0 : 1));
  const given = roi ? toHost(roi).toArray() : [];
  if (given.length === 2 * dims.length) {
    for (const [i, d] of dims.entries()) [all[d], all[d + rank]] = [given[i], given[i + dims.length]];
  }
  return all;
}

export const resizing = (): readonly OnnxOperator[] => [
  { op: 'Resize', since: 11, import: (node) => resize(node, node.inputs[1], node.inputs[2], node.inputs[3]) },
  { op: 'Resize', since: 10, until: 10, import: (node) => upsample(node, node.input(1)) },
  { op: 'Upsample', since: 9, import: (node) => upsample(node, node.input(1)) },
  {
    op: 'Upsample',
    since: 7,
    until: 8,
    import(node) {
      const scales = node.floats('scales') ?? [];
      return upsample(node, node.constant(HostTensor.of(scales, [scales.length], 'float32')));
    },
  },
];

/** The older forms: coordinates are i / scale, the nearest is the one before. */
function upsample(node: OnnxNode, scales: Operand): Operand {
  const mode = node.string('mode', 'nearest');
  const sampling: Sampling = {
    mode,
    coordinates: 'asymmetric',
    nearest: 'floor',
    cubic: -0.75,
    excludeOutside: false,
    antialias: false,
    outsideValue: 0,
  };
  return node.call1(
    ([x, by], { backend }) => {
      const factors = toHost(by as Value).toArray();
      const target = (x as Value).shape.map((n, d) => Math.floor(n * (factors[d] ?? 1) + 1e-6));
      return resample(x as Value, sampling, target, factors, [], backend);
    },
    [node.input(0), scales],
    { host: [1], rank: node.input(0).rank, fold: false, attributes: { mode } },
  );
}
