import { checkOptions, ShapeError } from '@octet/backend';
import {
  formatShape,
  kernel,
  numel,
  permute,
  quantizedLookup,
  reshape,
  type Tensor,
  tidy,
  transpose,
} from '@octet/tensor/functional';
import {
  CLAMP_OPTIONS,
  clampOf,
  type OutputClamp,
  type OutputQparams,
  outputQparams,
  outputRange,
  requantizeMultiplier,
  requireExactSums,
  requireQuint8,
} from './int8';

const { asOperand, channelsLast, contiguous, emptyChannelsLast, emptyOn, expandTo, nhwc, run } = kernel;
/** From the integers of quint8 to those of qint8 that stand for the same numbers. */
const MIDDLE = 128;

/**
 * int8 matrix product of two activations: a [..., m, k] and b [..., k, n] quint8 → [..., m, n] quint8, whose batches broadcast:
 * acc = Σ (a - za)(b - zb), y = clamp(rint(f32(acc) · f32(f32(sa·sb) · f32(1 / sy))) + zy).
 *
 * @throws ShapeError unless the shapes fit; QuantizationError unless both are quint8, if a sum could leave int32, or if the output's
 * scale or zero point is invalid.
 */
export function quantizedMatmul(a: Tensor, b: Tensor, output: OutputQparams & OutputClamp): Tensor {
  const op = 'quantized.matmul';
  checkOptions(op, output, `scale zeroPoint ${CLAMP_OPTIONS}`);
  const clamp = clampOf(op, output);
  const [aq, bq] = [requireQuint8(op, a), requireQuint8(op, b)];
  const yq = outputQparams(op, output);
  if (a.dim < 2 || b.dim < 2 || a.shape[a.dim - 1] !== b.shape[b.dim - 2]) {
    throw new ShapeError({
      op,
      expected: 'a [..., m, k] and b [..., k, n] with the same k',
      found: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      fix: 'Transpose one of them; for elementwise products use mul.',
    });
  }
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.dim - 1];
  const batch = kernel.broadcastShapes(op, a.shape.slice(0, -2), b.shape.slice(0, -2));
  const count = numel(batch);
  const attrs = {
    xZeroPoint: aq.zeroPoint,
    weightZeroPoint: Int32Array.of(bq.zeroPoint - MIDDLE),
    multiplier: requantizeMultiplier(Float32Array.of(bq.scale), aq, yq),
    yZeroPoint: yq.zeroPoint,
    ...outputRange(yq, clamp),
  };
  return tidy(() => {
    const qparams = { ...bq, zeroPoint: bq.zeroPoint - MIDDLE };
    const signed = quantizedLookup(op, b, 'qint8', qparams, (q) => q - MIDDLE, {}, []);
    const rows = reshape(expandTo(a, [...batch, m, k]), [count, m, k]);
    const columns = reshape(expandTo(transpose(signed, -1, -2), [...batch, n, k]), [count * n, k]);
    requireExactSums(op, columns);
    // Without a cache: b is other integers at every call.
    if (count === 1) {
      const y = emptyOn(a, [m, n], { qparams: yq });
      const weight = asOperand(contiguous(columns), [n, k]);
      run('qlinear', { x: asOperand(contiguous(rows), [m, k]), weight }, { y: asOperand(y, [m, n]) }, attrs);
      return reshape(y, [...batch, m, n]);
    }
    // Each batch is a group of the channels of one convolution of m pixels.
    const image = reshape(transpose(rows, 1, 2), [1, count * k, m, 1]);
    const y = emptyChannelsLast(a, [1, count * n, m, 1], { qparams: yq });
    run(
      'qconv2d',
      { x: nhwc(channelsLast(image)), weight: nhwc(channelsLast(reshape(columns, [count * n, k, 1, 1]))) },
      { y: nhwc(y) },
      { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: count, ...attrs },
    );
    return reshape(permute(reshape(y, [count, n, m]), [0, 2, 1]), [...batch, m, n]);
  });
}
