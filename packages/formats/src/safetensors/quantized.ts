import { type QuantizedDType, quantRange, storageDType } from '@octet/backend';
import { perChannelQParams, perTensorQParams, type QParams } from '@octet/tensor/functional';
import { storedAs } from '../elements';
import { type Complain, quote } from '../errors';
import { checkedQParams } from '../qparams';
import { isSize } from '../sizes';
import { duplicateKey, isObject } from './json';

/**
 * The key of `__metadata__` that says which tensors are quantized, and how. Its value is JSON:
 *
 *     { NAME: { dtype, scale, zeroPoint },            one scale for the tensor
 *       NAME: { dtype, axis, scales, zeroPoints } }   one for each index of the dim `axis`
 *
 * `dtype` is quint8, qint8 or qint32; the integers are stored as U8, I8 or I32. Scales are written with as many digits
 * as give the same number back: a double for the tensor, float32 values for the indices of `axis`.
 */
export const QUANTIZED = 'octet.quantized';

export interface Quantized {
  readonly dtype: QuantizedDType;
  readonly qparams: QParams;
}

/** What `QUANTIZED` says of one tensor. @throws QuantizationError for parameters that can't be */
export function describeQuantized(op: string, { dtype, qparams }: Quantized): object {
  if (qparams.scheme === 'perTensor') {
    const { scale, zeroPoint } = perTensorQParams(op, dtype, qparams.scale, qparams.zeroPoint);
    return { dtype, scale, zeroPoint };
  }
  const { axis, scales, zeroPoints } = perChannelQParams(
    op,
    dtype,
    qparams.scales,
    qparams.zeroPoints,
    qparams.axis,
  );
  return { dtype, axis, scales: Array.from(scales, shortest), zeroPoints: [...zeroPoints] };
}

/** The number with the fewest digits that is `value` in float32. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/** Reads the value of `QUANTIZED`, without a look at the tensors. */
export function parseQuantizedTable(json: string, complain: Complain): Map<string, Record<string, unknown>> {
  let table: unknown;
  try {
    table = JSON.parse(json);
  } catch (cause) {
    throw complain(QUANTIZED, 'JSON', quote(json), { cause });
  }
  if (!isObject(table)) throw complain(QUANTIZED, 'a JSON object', quote(table));
  const twice = duplicateKey(json);
  if (twice !== undefined) throw complain(QUANTIZED, 'an object of distinct keys', `${quote(twice)} twice`);
  return new Map(
    Object.entries(table).map(([name, entry]) => {
      if (!isObject(entry)) throw complain(`${QUANTIZED} ${quote(name)}`, 'an object', quote(entry));
      return [name, entry];
    }),
  );
}

/** Checks one entry of the table against its tensor. */
export function parseQuantized(
  name: string,
  entry: Record<string, unknown>,
  tensor: { readonly stored: string; readonly shape: readonly number[] },
  complain: Complain,
): Quantized {
  const field = `${QUANTIZED} ${quote(name)}`;
  const { dtype } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(quantRange, dtype))
    throw complain(`${field}.dtype`, 'quint8, qint8 or qint32', quote(dtype));
  const quantized = dtype as QuantizedDType;
  const stored = storedAs[storageDType(quantized)];
  if (stored !== tensor.stored)
    throw complain(`${field}.dtype`, `that of integers stored as ${tensor.stored}`, quote(dtype));
  return { dtype: quantized, qparams: parseQParams(field, quantized, entry, tensor.shape, complain) };
}

function parseQParams(
  field: string,
  dtype: QuantizedDType,
  { scale, zeroPoint, axis, scales, zeroPoints }: Record<string, unknown>,
  shape: readonly number[],
  complain: Complain,
): QParams {
  if (axis === undefined) {
    if (typeof scale !== 'number') throw complain(`${field}.scale`, 'a number', quote(scale));
    if (typeof zeroPoint !== 'number') throw complain(`${field}.zeroPoint`, 'a number', quote(zeroPoint));
    return checkedQParams(field, complain, () => perTensorQParams('safetensors', dtype, scale, zeroPoint));
  }
  if (!isSize(axis) || axis >= shape.length)
    throw complain(`${field}.axis`, `a dim of a tensor of shape ${quote(shape)}`, quote(axis));
  const size = shape[axis];
  if (!isNumbers(scales, size)) throw complain(`${field}.scales`, `${size} numbers`, quote(scales));
  if (!isNumbers(zeroPoints, size))
    throw complain(`${field}.zeroPoints`, `${size} numbers`, quote(zeroPoints));
  return checkedQParams(field, complain, () =>
    perChannelQParams('safetensors', dtype, scales, zeroPoints, axis),
  );
}

function isNumbers(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((v) => typeof v === 'number');
}
