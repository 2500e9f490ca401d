import {
  DTypeError,
  describe,
  isScale,
  QuantizationError,
  type QuantizedDType,
  quantRange,
} from '@octet/backend';

/** `real = (q - zeroPoint) * scale`, one pair for the whole tensor. */
export interface PerTensorQParams {
  readonly scheme: 'perTensor';
  /** Positive. Kept as given (PyTorch keeps a double too); all arithmetic uses its float32 value. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** One pair for each index of the dim `axis`. */
export interface PerChannelQParams {
  readonly scheme: 'perChannel';
  readonly axis: number;
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
}

export type QParams = PerTensorQParams | PerChannelQParams;

/** @throws QuantizationError for a scale that `checkScale` refuses or a zero point outside the dtype. */
export function perTensorQParams(
  op: string,
  dtype: QuantizedDType,
  scale: number,
  zeroPoint: number,
): PerTensorQParams {
  checkPair(op, dtype, scale, zeroPoint);
  return { scheme: 'perTensor', scale, zeroPoint };
}

/** @throws QuantizationError as perTensorQParams, and if the two lists differ in length. */
export function perChannelQParams(
  op: string,
  dtype: QuantizedDType,
  scales: ArrayLike<number>,
  zeroPoints: ArrayLike<number>,
  axis: number,
): PerChannelQParams {
  if (scales.length !== zeroPoints.length) {
    throw new QuantizationError({
      op,
      expected: 'as many scales as zero points',
      found: `${scales.length} and ${zeroPoints.length}`,
      fix: 'Pass one of each per channel.',
    });
  }
  const f32 = Float32Array.from(scales);
  for (let i = 0; i < scales.length; i++) checkPair(op, dtype, scales[i], zeroPoints[i]);
  return { scheme: 'perChannel', axis, scales: f32, zeroPoints: Int32Array.from(zeroPoints) };
}

/** @throws QuantizationError unless `scale` can be one: see `isScale` of @octet/backend. */
export function checkScale(op: string, scale: number): void {
  if (typeof scale === 'number' && isScale(scale)) return;
  throw new QuantizationError({
    op,
    expected: 'a finite scale > 0 with a finite reciprocal (as float32)',
    found: describe(scale),
    fix: Number.isFinite(scale)
      ? 'Use one from 2.94e-39 to 3.4e38.'
      : 'It comes from an observer that saw NaN, infinities or nothing: check the calibration data.',
  });
}

function checkPair(op: string, dtype: QuantizedDType, scale: number, zeroPoint: number): void {
  requireOneOf(op, 'dtype', dtype, Object.keys(quantRange));
  checkScale(op, scale);
  if (!(dtype in quantRange)) {
    throw new DTypeError({
      op,
      expected: 'quint8, qint8 or qint32',
      found: describe(dtype),
      fix: 'Name one of the quantized dtypes.',
    });
  }
  const [min, max] = quantRange[dtype];
  if (!Number.isInteger(zeroPoint) || zeroPoint < min || zeroPoint > max) {
    throw new QuantizationError({
      op,
      expected: `a whole zero point from ${min} to ${max} (${dtype})`,
      found: String(zeroPoint),
      fix: 'Use the zero point that the observer of this dtype computed.',
    });
  }
}

/** Scales and zero points as kernels take them: one or one per channel. */
export function qparamArrays(q: QParams): { scale: Float32Array; zeroPoint: Int32Array } {
  return q.scheme === 'perTensor'
    ? { scale: Float32Array.of(q.scale), zeroPoint: Int32Array.of(q.zeroPoint) }
    : { scale: q.scales, zeroPoint: q.zeroPoints };
}

/** @throws DTypeError if the parameters are per channel. */
export function requirePerTensor(op: string, q: QParams): PerTensorQParams {
  if (q.scheme === 'perTensor') return q;
  throw new DTypeError({
    op,
    expected: 'a tensor quantized per tensor',
    found: `one quantized per channel (axis ${q.axis})`,
    fix: 'Only weights are quantized per channel: quantize activations with quantizePerTensor.',
  });
}

/** The same parameters when dims move; `to` maps the old axis to the new. */
export function mapAxis(q: QParams | undefined, to: (axis: number) => number): QParams | undefined {
  return q?.scheme === 'perChannel' ? { ...q, axis: to(q.axis) } : q;
}

/** Those of the channels `indices`. */
export function takeChannels(q: PerChannelQParams, indices: readonly number[]): PerChannelQParams {
  return {
    ...q,
    scales: Float32Array.from(indices, (i) => q.scales[i]),
    zeroPoints: Int32Array.from(indices, (i) => q.zeroPoints[i]),
  };
}

/** Those of one channel, when its dim goes away. */
export function dropAxis(q: PerChannelQParams, index: number): PerTensorQParams {
  return { scheme: 'perTensor', scale: q.scales[index], zeroPoint: q.zeroPoints[index] };
}

/** Whether the integers of both mean the same. */
export function sameQParams(a: QParams | undefined, b: QParams | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  if (a.scheme === 'perTensor')
    return (
      b.scheme === 'perTensor' && Math.fround(a.scale) === Math.fround(b.scale) && a.zeroPoint === b.zeroPoint
    );
  return (
    b.scheme === 'perChannel' &&
    a.axis === b.axis &&
    a.scales.length === b.scales.length &&
    a.scales.every((s, i) => s === b.scales[i] && a.zeroPoints[i] === b.zeroPoints[i])
  );
}

/** @throws QuantizationError unless `q` is valid for a tensor of this dtype and shape. */
export function checkQParams(
  op: string,
  dtype: QuantizedDType,
  shape: readonly number[],
  q: QParams,
): QParams {
  if (q.scheme === 'perTensor') return perTensorQParams(op, dtype, q.scale, q.zeroPoint);
  if (
    !Number.isInteger(q.axis) ||
    q.axis < 0 ||
    q.axis >= shape.length ||
    q.scales.length !== shape[q.axis]
  ) {
    throw new QuantizationError({
      op,
      expected: `an axis from 0 to ${shape.length - 1} and a scale for each of its indices`,
      found: `axis ${q.axis} and ${q.scales.length} scales for shape [${shape.join(', ')}]`,
      fix: 'Check the axis: 0 for the output channels of weights.',
    });
  }
  return perChannelQParams(op, dtype, q.scales, q.zeroPoints, q.axis);
}
