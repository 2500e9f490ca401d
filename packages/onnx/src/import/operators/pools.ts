import { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from '@octet/nn';
import { avgPool2d, maxPool2d, ones, type Tensor } from '@octet/tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { onBackend } from './helpers';
import { evenPads, inRows, padsFor, pairOf, planar, tensorPads, type Window, windowOf } from './window';

function windowOfPool(node: OnnxNode): { window: Window; spatial: number } {
  const kernel = node.ints('kernel_shape');
  if (!kernel) throw node.wrong('kernel_shape', 'none');
  return { window: planar(windowOf(node, kernel)), spatial: kernel.length };
}

/** Padding that a pool does itself: even, and at most half the kernel. */
function ownPads(window: Window): readonly number[] | undefined {
  const even = evenPads(window);
  return even?.every((p, d) => 2 * p <= window.kernel[d]) ? even : undefined;
}

const sum = (t: Tensor, window: Window, size = window.kernel[0] * window.kernel[1]) =>
  avgPool2d(t, pairOf(window.kernel), { stride: pairOf(window.stride) }).mul(size);

function maxPool(node: OnnxNode): Operand {
  if (node.outputs.length > 1 && node.outputs[1] !== '') node.unsupported('indices as a second output');
  const { window, spatial } = windowOfPool(node);
  return inRows(node, node.input(0), spatial, (x) => {
    const own = ownPads(window);
    const options = { stride: pairOf(window.stride), dilation: pairOf(window.dilation) };
    const floats = node.input(0).dtype === undefined || node.input(0).dtype === 'float32';
    if (own && floats) {
      const layer = new MaxPool2d(pairOf(window.kernel), { ...options, padding: pairOf(own) });
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
  if (window.dilation.some((d) => d !== 1)) node.unsupported('dilations');
  const countIncludePad = node.flag('count_include_pad');
  return inRows(node, node.input(0), spatial, (x) => {
    const own = ownPads(window);
    const [kernel, stride] = [pairOf(window.kernel), pairOf(window.stride)];
    if (own) {
      const layer = new AvgPool2d(kernel, { stride, padding: pairOf(own), countIncludePad });
      return node.layer(layer, [x], { rank: 4 })[0];
    }
    return node.call1(
      onBackend((t) => {
        const [height, width] = t.shape.slice(2);
        const pads = padsFor(window, [height, width]);
        const counted = ones([1, 1, height, width], { backend: t.backend });
        // What ceil_mode adds at the end is never counted.
        const real = padsFor({ ...window, ceil: false }, [height, width]);
        const extra = pads.map((p, i) => p - real[i]);
        const mask = countIncludePad
          ? counted.pad(tensorPads(real), 1).pad(tensorPads(extra))
          : counted.pad(tensorPads(pads));
        return sum(t.pad(tensorPads(pads)), window, 1).div(sum(mask, window, 1));
      }),
      [x],
      { rank: 4, fold: false },
    );
  });
}

/** (Σ |x|^p)^(1/p) of each window. */
function lpPool(node: OnnxNode): Operand {
  const { window, spatial } = windowOfPool(node);
  if (window.dilation.some((d) => d !== 1)) node.unsupported('dilations');
  const p = node.int('p', 2);
  return inRows(node, node.input(0), spatial, (x) =>
    node.call1(
      onBackend((t) => {
        const pads = padsFor(window, t.shape.slice(2));
        return sum(t.abs().pow(p).pad(tensorPads(pads)), window).pow(1 / p);
      }),
      [x],
      { rank: 4, fold: false },
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
  global('GlobalMaxPool', (x, dims) => x.amax(dims, true)),
];
