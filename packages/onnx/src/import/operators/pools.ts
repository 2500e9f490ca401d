import { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from '@octet/nn';
import { avgPool2d, maxPool2d, numel, ones, type Tensor } from '@octet/tensor';
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
  return { window: planar(windowOf(node, kernel)), spatial: kernel.length };
}

/** Padding that a pool does itself: even, and at most half the kernel. */
function ownPads(window: Window): readonly number[] | undefined {
  // What ceil_mode asks for, pools do too.
  const even = evenPads({ ...window, ceil: false });
  return even?.every((p, d) => 2 * p <= window.kernel[d]) ? even : undefined;
}

/** The most positions of a window that are added one by one. */
const MAX_TAPS = 4096;

/** The sum of each window of a tensor that has its padding. */
function sum(t: Tensor, window: Window): Tensor {
  const { kernel, stride, dilation } = window;
  const size = numel(kernel);
  if (isPlain(window)) return avgPool2d(t, pairOf(kernel), { stride: pairOf(stride) }).mul(size);
  let total: Tensor | undefined;
  for (let tap = 0; tap < size; tap++) {
    let rest = tap;
    let part = t;
    for (let d = kernel.length - 1; d >= 0; d--) {
      const start = (rest % kernel[d]) * dilation[d];
      rest = Math.floor(rest / kernel[d]);
      const count = Math.floor((t.shape[2 + d] - reach(window, d)) / stride[d]) + 1;
      part = part.slice(2 + d, start, start + (count - 1) * stride[d] + 1, stride[d]);
    }
    total = total ? total.add(part) : part;
  }
  return total as Tensor;
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

function maxPool(node: OnnxNode): Operand {
  if (node.outputs.length > 1 && node.outputs[1] !== '') node.unsupported('indices as a second output');
  const { window, spatial } = windowOfPool(node);
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
