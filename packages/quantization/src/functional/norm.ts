/** Normalisations of quint8 tensors by their own statistics: docs/numerics.md, "int8 normalisations". */
import { requireList, ShapeError } from '@octet/backend';
import {
  formatShape,
  kernel,
  numel,
  ones,
  sameShape,
  type Tensor,
  tidy,
  zeros,
} from '@octet/tensor/functional';
import { type OutputQparams, outputQparams, requireQuint8 } from './int8';

const { asOperand, channelsInnermost, contiguous, emptyOn, run } = kernel;
const f32 = Math.fround;

/** x seen as [n,l,c] by the kernel, of which y has the memory. */
function normalized(
  op: string,
  x: Tensor,
  shape: readonly number[],
  groups: number,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
  output: OutputQparams,
): Tensor {
  const xq = requireQuint8(op, x);
  const yq = outputQparams(op, output);
  const c = shape[2];
  const y = emptyOn(x, x.shape, { strides: x.strides, qparams: yq });
  const { backend } = x;
  run(
    'qgroupNorm',
    {
      x: asOperand(x, shape),
      weight: asOperand(weight ? contiguous(weight) : ones([c], { backend }), [c]),
      bias: asOperand(bias ? contiguous(bias) : zeros([c], { backend }), [c]),
    },
    { y: asOperand(y, shape) },
    {
      ...{ groups, eps: f32(eps), scale: f32(xq.scale) },
      ...{ inverse: f32(1 / f32(yq.scale)), yZeroPoint: yq.zeroPoint },
    },
  );
  return y;
}

function requireAffine(
  op: string,
  shape: readonly number[],
  params: Record<string, Tensor | undefined>,
): void {
  for (const [name, t] of Object.entries(params)) {
    if (!t || sameShape(t.shape, shape)) continue;
    throw new ShapeError({
      op,
      expected: `${name} ${formatShape(shape)}`,
      found: formatShape(t.shape),
      fix: 'Check the sizes of the layer.',
    });
  }
}

/**
 * Layer normalisation over the last dims, which are `normalizedShape`, of quint8 → quint8.
 * @throws ShapeError unless the shapes fit, QuantizationError unless x is quint8 and quantized per tensor
 */
export function quantizedLayerNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
  output: OutputQparams,
): Tensor {
  const op = 'quantized.layerNorm';
  requireQuint8(op, x);
  requireList(op, 'normalizedShape', normalizedShape);
  const lead = x.dim - normalizedShape.length;
  if (normalizedShape.length === 0 || lead < 0 || !sameShape(x.shape.slice(lead), normalizedShape)) {
    throw new ShapeError({
      op,
      expected: `x [..., ${normalizedShape.join(', ')}]`,
      found: formatShape(x.shape),
      fix: 'normalizedShape are the last dimensions of x, at least one.',
    });
  }
  requireAffine(op, normalizedShape, { weight, bias });
  const rows = [numel(x.shape.slice(0, lead)), 1, numel(normalizedShape)];
  return tidy(() => normalized(op, contiguous(x), rows, 1, weight, bias, eps, output));
}

/**
 * Group normalisation of x [N, C, …], quint8 → quint8; with a group for each channel it is instance normalisation.
 * @throws ShapeError unless the shapes fit, QuantizationError unless x is quint8 and quantized per tensor
 */
export function quantizedGroupNorm(
  x: Tensor,
  numGroups: number,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
  output: OutputQparams,
): Tensor {
  const op = 'quantized.groupNorm';
  requireQuint8(op, x);
  const [batch, channels] = x.shape;
  if (x.dim < 2 || !(numGroups >= 1 && channels % numGroups === 0)) {
    throw new ShapeError({
      op,
      expected: `x [N, C, …] whose channels ${numGroups} groups divide`,
      found: formatShape(x.shape),
      fix: 'Channels are dimension 1: check the number of features of the layer.',
    });
  }
  requireAffine(op, [channels], { weight, bias });
  const length = batch * channels === 0 ? 0 : x.numel / (batch * channels);
  return tidy(() =>
    normalized(op, channelsInnermost(x), [batch, length, channels], numGroups, weight, bias, eps, output),
  );
}
