import {
  checkOptions,
  isScale,
  type KernelTable,
  QuantizationError,
  quantRange,
  roundHalfEven,
} from '@octet/backend';
import {
  cat,
  kernel,
  type PerTensorQParams,
  perTensorQParams,
  quantizedLookup,
  type Tensor,
  tidy,
} from '@octet/tensor/functional';
import {
  CLAMP_OPTIONS,
  clampOf,
  type OutputClamp,
  type OutputQparams,
  outputQparams,
  outputRange,
  requireQuint8,
} from './int8';
import { requantize } from './pointwise';

const { broadcastLayout, emptyOn, expandTo, run, view, withStrides } = kernel;
const f32 = Math.fround;

/**
 * int8 add in fixed point, QNNPACK's formula: ra = f32(sa / sy), rb alike, shift = 21 - floor(log2(max(ra, rb))),
 * A = rint(ra · 2^shift), y = clamp(roundHalfAway((A(a - za) + B(b - zb)) / 2^shift) + zy). The shapes broadcast.
 *
 * @throws ShapeError unless the shapes broadcast; QuantizationError unless both are quint8, if one is more than 2^22 times as
 * coarse as the output, or if the output's scale or zero point is invalid.
 */
export function quantizedAdd(a: Tensor, b: Tensor, output: OutputQparams & OutputClamp): Tensor {
  const op = 'quantized.add';
  const { aq, bq, yq, clamp } = checkBinary(op, a, b, output);
  const ra = f32(f32(aq.scale) / f32(yq.scale));
  const rb = f32(f32(bq.scale) / f32(yq.scale));
  const exponent = Math.floor(Math.log2(Math.max(ra, rb)));
  if (exponent > 21) {
    throw new QuantizationError({
      op,
      expected: 'inputs at most 2^22 times as coarse as the output',
      found: `a ratio of scales of ${Math.max(ra, rb)}`,
      fix: 'Calibrate with data that reaches this sum: its observer saw almost nothing.',
    });
  }
  // Below 2^-10 the sum rounds to the zero point whatever the shift: 31 keeps it inside an int32.
  const shift = Math.min(21 - exponent, 31);
  return broadcast('qadd', op, a, b, yq, {
    aMultiplier: roundHalfEven(ra * 2 ** shift),
    bMultiplier: roundHalfEven(rb * 2 ** shift),
    shift,
    aZeroPoint: aq.zeroPoint,
    bZeroPoint: bq.zeroPoint,
    yZeroPoint: yq.zeroPoint,
    ...outputRange(yq, clamp),
  });
}

/**
 * int8 product: y = clamp(rint(f32((a - za)(b - zb)) · f32(f32(sa·sb) · f32(1 / sy))) + zy). The shapes broadcast.
 *
 * @throws ShapeError unless the shapes broadcast; QuantizationError unless both are quint8, or if the output's scale or zero
 * point is invalid.
 */
export function quantizedMul(a: Tensor, b: Tensor, output: OutputQparams & OutputClamp): Tensor {
  const op = 'quantized.mul';
  const { aq, bq, yq, clamp } = checkBinary(op, a, b, output);
  return broadcast('qmul', op, a, b, yq, {
    multiplier: f32(f32(f32(aq.scale) * f32(bq.scale)) * f32(1 / f32(yq.scale))),
    aZeroPoint: aq.zeroPoint,
    bZeroPoint: bq.zeroPoint,
    yZeroPoint: yq.zeroPoint,
    ...outputRange(yq, clamp),
  });
}

/** Joins quint8 tensors along `dim`, each requantized to the output's scale. */
export function quantizedCat(tensors: readonly Tensor[], dim: number, output: OutputQparams): Tensor {
  const op = 'quantized.cat';
  checkOptions(op, output, 'scale zeroPoint');
  const yq = outputQparams(op, output);
  return tidy(() =>
    cat(
      tensors.map((x) => (isAt(requireQuint8(op, x), yq) ? x : requantize(x, yq))),
      dim,
    ),
  );
}

function isAt(a: PerTensorQParams, b: PerTensorQParams): boolean {
  return a.scale === b.scale && a.zeroPoint === b.zeroPoint;
}

/** x + scalar: exact where the zero point can move, else requantized, as PyTorch does it. A view of x where its integers stay. */
export function quantizedAddScalar(x: Tensor, scalar: number, options?: OutputClamp): Tensor {
  const op = 'quantized.addScalar';
  const clamp = clampOf(op, checkOptions(op, options, CLAMP_OPTIONS));
  const xq = requireQuint8(op, x);
  const [qmin, qmax] = quantRange.quint8;
  const cq = roundHalfEven(scalar / xq.scale);
  let yq: PerTensorQParams;
  if (qmin > xq.zeroPoint - cq) {
    const scale = ((qmax - (xq.zeroPoint - cq)) / (qmax - qmin)) * xq.scale;
    yq = perTensorQParams(op, 'quint8', scale, qmin);
  } else if (qmax < xq.zeroPoint - cq) {
    const scale = ((xq.zeroPoint - cq - qmin) / (qmax - qmin)) * xq.scale;
    yq = perTensorQParams(op, 'quint8', scale, qmax);
  } else {
    yq = perTensorQParams(op, 'quint8', xq.scale, xq.zeroPoint - cq);
  }
  const { clampMin, clampMax } = outputRange(yq, clamp);
  if (yq.scale === xq.scale && isWholeRange(clampMin, clampMax)) return view(x, x, yq);
  if (yq.scale === xq.scale) {
    return quantizedLookup(op, x, 'quint8', yq, (q) => Math.min(Math.max(q, clampMin), clampMax));
  }
  const multiplier = f32(f32(xq.scale) / f32(yq.scale));
  return quantizedLookup(op, x, 'quint8', yq, (q) => {
    const sum = q - xq.zeroPoint + cq;
    return Math.min(Math.max(roundHalfEven(f32(sum * multiplier)) + yq.zeroPoint, clampMin), clampMax);
  });
}

/**
 * x * scalar changes the scale alone, and is a view of x; a negative scalar mirrors the integers. 0, and a product too small to be a scale, give
 * the zero tensor of scale 1.
 */
export function quantizedMulScalar(x: Tensor, scalar: number, options?: OutputClamp): Tensor {
  const op = 'quantized.mulScalar';
  const clamp = clampOf(op, checkOptions(op, options, CLAMP_OPTIONS));
  const xq = requireQuint8(op, x);
  const [qmin, qmax] = quantRange.quint8;
  const scale = Math.abs(scalar) * xq.scale;
  const vanishes = scale < 1 && !isScale(scale);
  const zeroPoint = scalar > 0 ? xq.zeroPoint : qmax - (xq.zeroPoint - qmin);
  const yq = vanishes
    ? perTensorQParams(op, 'quint8', 1, 0)
    : perTensorQParams(op, 'quint8', scale, zeroPoint);
  const { clampMin, clampMax } = outputRange(yq, clamp);
  if (scalar > 0 && !vanishes && isWholeRange(clampMin, clampMax)) return view(x, x, yq);
  return quantizedLookup(op, x, 'quint8', yq, (q) => {
    const product = vanishes ? 0 : scalar > 0 ? q : qmax + qmin - q;
    return Math.min(Math.max(product, clampMin), clampMax);
  });
}

function isWholeRange(clampMin: number, clampMax: number): boolean {
  return clampMin <= quantRange.quint8[0] && clampMax >= quantRange.quint8[1];
}

function checkBinary(op: string, a: Tensor, b: Tensor, output: OutputQparams & OutputClamp) {
  checkOptions(op, output, `scale zeroPoint ${CLAMP_OPTIONS}`);
  const clamp = clampOf(op, output);
  return { aq: requireQuint8(op, a), bq: requireQuint8(op, b), yq: outputQparams(op, output), clamp };
}

/** Runs a kernel of two tensors, whose shapes broadcast. */
function broadcast<N extends 'qadd' | 'qmul'>(
  name: N,
  op: string,
  a: Tensor,
  b: Tensor,
  qparams: PerTensorQParams,
  attrs: KernelTable[N]['attrs'],
): Tensor {
  return tidy(() => {
    const { shape, strides } = broadcastLayout(op, a, b);
    const [ad, bd] = [a, b].map((t) => withStrides(expandTo(t, shape), strides));
    const y = emptyOn(a, shape, { strides, qparams });
    run(name, { a: ad, b: bd } as never, { y } as never, attrs);
    return y;
  });
}
