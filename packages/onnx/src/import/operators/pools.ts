import { AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from '@octet/nn';
import { avgPool2d, maxPool2d, numel, ones, type Tensor } from '@octet/tensor';
import { HostTensor, rowMajor } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { onBackend } from './helpers';
import {
  evenPads,
  inRows,
  padsFor,
  pairOf,
  planar,
  reach,
  tensorPads,
  type Window,
  windowOf,
} from './window';

function windowOfPool(node: OnnxNode): { window: Window; spatial: number } {
  const kernel = node.ints('kernel_shape');
  if (!kernel) throw node.wrong('kernel_shape', 'none');
  const window = windowOf(node, kernel);
  const { pads } = window;
  if (pads.some((p, i) => p >= reach(window, i % kernel.length)))
    throw node.wrong(
      'padding smaller than the kernel, so that each window has elements',
      `[${pads.slice(0, 12)}]`,
    );
  return { window: planar(window), spatial: kernel.length };
}

/** Padding that a pool does itself: even, and at most half the kernel. */
function ownPads(window: Window): readonly number[] | undefined {
  // What ceil_mode asks for, pools do too.
  const even = evenPads({ ...window, ceil: false });
  return even?.every((p, d) => 2 * p <= window.kernel[d]) ? even : undefined;
}

/** The most positions of a window that are added one by one. */
const MAX_TAPS = 4096;

/** For each position of the window, first to last, the elements of `t` that lie there: one a window. `t` has its padding. */
function* taps(t: Tensor, { kernel, stride, dilation }: Window): Generator<Tensor> {
  const size = numel(kernel);
  const counts = kernel.map(
    (k, d) => Math.floor((t.shape[2 + d] - dilation[d] * (k - 1) - 1) / stride[d]) + 1,
  );
  for (let tap = 0; tap < size; tap++) {
    let rest = tap;
    let part = t;
    for (let d = kernel.length - 1; d >= 0; d--) {
      const start = (rest % kernel[d]) * dilation[d];
      rest = Math.floor(rest / kernel[d]);
      part = part.slice(2 + d, start, start + (counts[d] - 1) * stride[d] + 1, stride[d]);
    }
    yield part;
  }
}

/** The sum of each window of a tensor that has its padding. */
function sum(t: Tensor, window: Window): Tensor {
  const { kernel, stride } = window;
  if (isPlain(window)) return avgPool2d(t, pairOf(kernel), { stride: pairOf(stride) }).mul(numel(kernel));
  return [...taps(t, window)].reduce((a, b) => a.add(b));
}

/** The maximum of each window, and its place among the elements of `t`: row by row, or column by column. */
function largestOf(t: Tensor, window: Window, byColumns: boolean): [y: Tensor, places: Tensor] {
  const pads = tensorPads(padsFor(window, t.shape.slice(2)));
  const places = HostTensor.zeros(t.shape, 'int32');
  const [planes, sizes] = [t.shape[0] * t.shape[1], t.shape.slice(2)];
  const each = numel(sizes);
  const strides = byColumns ? rowMajor([...sizes].reverse()).reverse() : rowMajor(sizes);
  const own = rowMajor(sizes);
  for (let i = 0; i < each; i++) {
    const at = sizes.reduce((sum, n, d) => sum + (Math.floor(i / own[d]) % n) * strides[d], 0);
    for (let p = 0; p < planes; p++) places.data[p * each + i] = p * each + at;
  }
  const values = taps(t.pad(pads, Number.NEGATIVE_INFINITY), window);
  const [first, ...others] = taps(places.on(t.backend).pad(pads), window);
  let [y, at] = [values.next().value as Tensor, first];
  for (const other of others) {
    const next = values.next().value as Tensor;
    const more = next.gt(y);
    [y, at] = [next.where(more, y), other.where(more, at)];
  }
  return [y, at];
}

/** Whether it is a window of two dims without gaps. */
function isPlain({ kernel, dilation }: Window): boolean {
  return kernel.length === 2 && dilation.every((d) => d === 1);
}

/** As `inRows`; x of more spatial dims as it is, if the window is small. */
function inPlace(node: OnnxNode, window: Window, spatial: number, make: (x: Operand) => Operand): Operand {
  if (!isPlain(window) && numel(window.kernel) > MAX_TAPS) node.unsupported('so large a window');
  return spatial > 2 ? make(node.input(0)) : inRows(node, node.input(0), spatial, make);
}

/** A pool of any window, with the places of the maxima if they are asked for. */
function maxOfTaps(node: OnnxNode, window: Window, spatial: number): Operand | Operand[] {
  const places = node.outputs.length > 1 && node.outputs[1] !== '';
  const byColumns = node.flag('storage_order');
  if (numel(window.kernel) > MAX_TAPS) node.unsupported('so large a window');
  return node.call(
    onBackend((given) => {
      // A row is an image of one row.
      const t = (spatial === 1 ? given.unsqueeze(2) : given).to('float32');
      const back = (y: Tensor) => (spatial === 1 ? y.squeeze(2) : y);
      if (places) {
        const [y, at] = largestOf(t, window, byColumns);
        return [back(y).to(given.dtype), back(at)];
      }
      const around = t.pad(tensorPads(padsFor(window, t.shape.slice(2))), Number.NEGATIVE_INFINITY);
      return back([...taps(around, window)].reduce((a, b) => a.maximum(b))).to(given.dtype);
    }),
    [node.input(0)],
    { rank: node.input(0).rank, outputs: places ? 2 : 1, fold: false },
  );
}

function maxPool(node: OnnxNode): Operand | Operand[] {
  const { window, spatial } = windowOfPool(node);
  const places = node.outputs.length > 1 && node.outputs[1] !== '';
  if (places || spatial > 2) return maxOfTaps(node, window, spatial);
  return inRows(node, node.input(0), spatial, (x) => {
    const own = ownPads(window);
    const options = { stride: pairOf(window.stride), dilation: pairOf(window.dilation) };
    const ceilMode = window.ceil;
    const floats = node.input(0).dtype === undefined || node.input(0).dtype === 'float32';
    if (own && floats) {
      const layer = new MaxPool2d(pairOf(window.kernel), { ...options, padding: pairOf(own), ceilMode });
      return node.layer(layer, [x], { rank: 4 })[0];
    }
    return node.call1(
      onBackend((t) => {
        const pads = padsFor(window, t.shape.slice(2));
        // Integers of 8 bits are floats meanwhile.
        const around = t.to('float32').pad(tensorPads(pads), Number.NEGATIVE_INFINITY);
        return maxPool2d(around, pairOf(window.kernel), options).to(t.dtype);
      }),
      [x],
      { rank: 4, fold: false },
    );
  });
}

function averagePool(node: OnnxNode): Operand {
  const { window, spatial } = windowOfPool(node);
  const countIncludePad = node.flag('count_include_pad');
  return inPlace(node, window, spatial, (x) => {
    const own = isPlain(window) ? ownPads(window) : undefined;
    if (own) {
      const padding = pairOf(own);
      const options = { stride: pairOf(window.stride), padding, countIncludePad, ceilMode: window.ceil };
      return node.layer(new AvgPool2d(pairOf(window.kernel), options), [x], { rank: 4 })[0];
    }
    return node.call1(
      onBackend((t) => {
        const sizes = t.shape.slice(2);
        const pads = padsFor(window, sizes);
        const counted = ones([1, 1, ...sizes], { backend: t.backend });
        // What ceil_mode adds at the end is never counted.
        const real = padsFor({ ...window, ceil: false }, sizes);
        const extra = pads.map((p, i) => p - real[i]);
        const mask = countIncludePad
          ? counted.pad(tensorPads(real), 1).pad(tensorPads(extra))
          : counted.pad(tensorPads(pads));
        return sum(t.pad(tensorPads(pads)), window).div(sum(mask, window));
      }),
      [x],
      { rank: x.rank, fold: false },
    );
  });
}

/** (Σ |x|^p)^(1/p) of each window. */
function lpPool(node: OnnxNode): Operand {
  const { window, spatial } = windowOfPool(node);
  const p = node.int('p', 2);
  return inPlace(node, window, spatial, (x) =>
    node.call1(
      onBackend((t) => {
        const pads = padsFor(window, t.shape.slice(2));
        return sum(t.abs().pow(p).pad(tensorPads(pads)), window).pow(1 / p);
      }),
      [x],
      { rank: x.rank, fold: false },
    ),
  );
}

/** Of all spatial dims; they stay with size 1. */
function global(op: string, fn: (x: Tensor, dims: number[]) => Tensor): OnnxOperator {
  return {
    op,
    since: 1,
    import(node) {
      const x = node.input(0);
      if (op === 'GlobalAveragePool' && x.rank === 4)
        return node.layer(new AdaptiveAvgPool2d(1), [x], { rank: 4 });
      if (op === 'GlobalAveragePool' && x.rank === 3)
        return node.layer(new AdaptiveAvgPool1d(1), [x], { rank: 3 });
      const spatial = (t: Tensor) => t.shape.map((_, d) => d).slice(2);
      return node.call1(
        onBackend((t) => fn(t, spatial(t))),
        [x],
        { rank: x.rank, fold: false },
      );
    },
  };
}

export const pools = (): readonly OnnxOperator[] => [
  { op: 'MaxPool', since: 1, import: maxPool },
  { op: 'AveragePool', since: 1, import: averagePool },
  { op: 'LpPool', since: 2, import: lpPool },
  global('GlobalAveragePool', (x, dims) => x.mean(dims, true)),
  // As a pool of the whole, which integers have too.
  global('GlobalMaxPool', (x, dims) => {
    if (x.dim === 4) return maxPool2d(x, [x.shape[2], x.shape[3]]);
    return x.dim === 3 ? maxPool2d(x.unsqueeze(2), [1, x.shape[2]]).squeeze(2) : x.amax(dims, true);
  }),
];
