import { HostTensor } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import { dynamicProduct, madeBy, type Pattern } from '../recompose';
import { withWeights } from '../weights';
import { convOf, padded } from './products';
import { dequantized } from './quantized';
import { windowOf } from './window';

interface Convolved {
  readonly node: OnnxNode;
  /** What is taken off the weights, by the operand that says it; undefined: nothing. */
  readonly zero: Operand | undefined;
  /** What only this may read. */
  readonly inner: readonly Operand[];
}

/** How a convolution of integers is done, in words. */
function geometryOf(node: OnnxNode, kernel: readonly number[]): string {
  return JSON.stringify([windowOf(node, node.ints('kernel_shape') ?? kernel), node.int('group', 1)]);
}

/** Whether a ConvInteger gives the sums of what another's windows hold, for all its channels or for each. */
function isSums(ones: OnnxNode | undefined, whole: OnnxNode): ones is OnnxNode {
  const [a, b] = [ones?.inputs[1]?.constant, whole.inputs[1]?.constant];
  if (!ones || !a || !b || ones.inputs[3] || a.data.some((v) => v !== 1)) return false;
  const sameInputs = [0, 2].every((i) => ones.inputs[i]?.slot === whole.inputs[i]?.slot);
  const kernel = b.shape.slice(2);
  const sameWindow =
    String(a.shape.slice(1)) === String(b.shape.slice(1)) &&
    geometryOf(ones, kernel) === geometryOf(whole, kernel);
  return sameInputs && sameWindow && (a.shape[0] === b.shape[0] || a.shape[0] === 1);
}

/** ConvInteger, or ConvInteger(q, w) - ConvInteger(q, 1) · zero, which says zero points that aren't the same for all channels. */
function convolvedIn(out: Operand): Convolved | undefined {
  const plain = madeBy(out, 'ConvInteger');
  if (plain) return { node: plain, zero: plain.inputs[3], inner: [] };
  const [whole, off] = madeBy(out, 'Sub')?.inputs ?? [];
  const node = madeBy(whole, 'ConvInteger');
  const [a, b] = madeBy(off, 'Mul')?.inputs ?? [];
  for (const [sum, zero] of [
    [a, b],
    [b, a],
  ]) {
    const inner = [whole, off, sum].filter((o) => o !== undefined);
    if (node && !node.inputs[3] && zero && isSums(madeBy(sum, 'ConvInteger'), node))
      return { node, zero, inner };
  }
  return undefined;
}

/** One number, or one for each of the channels of [N, C, …], of what broadcasts to that. */
function ofChannels(t: HostTensor, channels: number, rank: number): HostTensor | undefined {
  const along = t.numel === channels && t.shape[1 - (rank - t.dim)] === channels;
  return t.dim <= rank && (t.numel === 1 || along) ? t.reshape([t.numel]) : undefined;
}

/** A convolution whose input is quantized at each call. */
export const dynamicConv: Pattern = (node) => {
  const found = dynamicProduct(node, convolvedIn);
  const w = found?.product.node.inputs[1];
  const q = w?.constant;
  if (!found || !q || (q.dtype !== 'int8' && q.dtype !== 'uint8')) return undefined;
  const { node: conv, zero, inner } = found.product;
  const [outputs, , ...kernel] = q.shape;
  const groups = conv.int('group', 1);
  const given = conv.ints('kernel_shape');
  const fits =
    (q.dim === 3 || q.dim === 4) &&
    q.numel > 0 &&
    groups >= 1 &&
    outputs % groups === 0 &&
    (!given || String(given) === String(kernel));
  if (!fits || (zero && !zero.constant) || ![...found.sums, ...inner].every((o) => node.isReadOnce(o)))
    return undefined;
  const scales = ofChannels(found.scale, outputs, q.dim);
  const taken = zero?.constant ?? HostTensor.of([0], [], 'int32');
  // As an input of ConvInteger it is a vector.
  const vector = taken.dim < 2 && taken.numel === outputs;
  const zeros = inner.length === 0 && vector ? taken : ofChannels(taken, outputs, q.dim);
  const first = q.dtype === 'uint8' ? 128 : 0;
  const isInt8 = (z: number) => z - first >= -128 && z - first < 128;
  if (!scales?.data.every(isScale) || !zeros?.data.every(isInt8)) return undefined;
  const channels = Math.max(scales.numel, zeros.numel);
  const steps = scales.expand([channels]);
  const weight = dequantized(q, steps, zeros, 0) as HostTensor;
  const { x, padding } = padded(node, { ...found.x, rank: q.dim }, windowOf(conv, kernel), 0);
  return {
    layer: withWeights(convOf(q.shape, windowOf(conv, kernel), padding, groups), weight, undefined),
    x,
    weight: { ...w, steps },
    attributes: {
      dynamic: true,
      weightZero: zeros
        .expand([channels])
        .toArray()
        .map((z) => z - first),
    },
  };
};

/** Whether whole numbers of 8 bits times this are told apart by float32, as they are by the numbers themselves. */
function isScale(s: number): boolean {
  return s > 2 ** -100 && s < 2 ** 100;
}
