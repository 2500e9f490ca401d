import { type QuantizedDType, quantRange, storageDType } from '@octet/backend';
import { perChannelQParams, perTensorQParams, type QParams } from '@octet/tensor/functional';
import { decodeBase64, encodeBase64 } from '../base64';
import { storedAs } from '../elements';
import { type MakeError, quote } from '../errors';
import { checkedQParams } from '../qparams';
import { isSize } from '../sizes';
import { duplicateKey, isObject } from './json';

/**
 * The key of `__metadata__` that says which tensors are quantized, and how. Its value is JSON:
 *
 *     { NAME: { dtype, scale, zeroPoint },            one scale for the tensor
 *       NAME: { dtype, axis, scales, zeroPoints } }   one for each index of the dim `axis`
 *
 * `dtype` is quint8, qint8 or qint32; the integers are stored as U8, I8 or I32. A scale for the tensor is a double, with as many
 * digits as give the same number back. `scales` is a string, the base64 of the float32 numbers, little-endian (up to version 0.1
 * a list of numbers, which is read too); `zeroPoints` is a list, and absent where all are 0.
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
  const points = [...zeroPoints];
  return {
    ...{ dtype, axis, scales: encodeScales(scales) },
    ...(points.some((point) => point !== 0) && { zeroPoints: points }),
  };
}

function encodeScales(scales: ArrayLike<number>): string {
  const view = new DataView(new ArrayBuffer(4 * scales.length));
  for (let i = 0; i < scales.length; i++) view.setFloat32(4 * i, scales[i], true);
  return encodeBase64(new Uint8Array(view.buffer));
}

/** The numbers that were written as base64, or as a list; undefined for anything else. */
function decodeScales(scales: unknown): unknown {
  if (typeof scales !== 'string') return scales;
  const bytes = decodeBase64(scales);
  if (!bytes || bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** Reads the value of `QUANTIZED`, without a look at the tensors. */
export function parseQuantizedTable(
  json: string,
  makeError: MakeError,
): Map<string, Record<string, unknown>> {
  let table: unknown;
  try {
    table = JSON.parse(json);
  } catch (cause) {
    throw makeError(QUANTIZED, 'JSON', quote(json), { cause });
  }
  if (!isObject(table)) throw makeError(QUANTIZED, 'a JSON object', quote(table));
  const twice = duplicateKey(json);
  if (twice !== undefined) throw makeError(QUANTIZED, 'an object of distinct keys', `${quote(twice)} twice`);
  return new Map(
    Object.entries(table).map(([name, entry]) => {
      if (!isObject(entry)) throw makeError(`${QUANTIZED} ${quote(name)}`, 'an object', quote(entry));
      return [name, entry];
    }),
  );
}

/** Checks one entry of the table against its tensor. */
export function parseQuantized(
  name: string,
  entry: Record<string, unknown>,
  tensor: { readonly stored: string; readonly shape: readonly number[] },
  makeError: MakeError,
): Quantized {
  const field = `${QUANTIZED} ${quote(name)}`;
  const { dtype } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(quantRange, dtype))
    throw makeError(`${field}.dtype`, 'quint8, qint8 or qint32', quote(dtype));
  const quantized = dtype as QuantizedDType;
  const stored = storedAs[storageDType(quantized)];
  if (stored !== tensor.stored)
    throw makeError(`${field}.dtype`, `that of integers stored as ${tensor.stored}`, quote(dtype));
  return { dtype: quantized, qparams: parseQParams(field, quantized, entry, tensor.shape, makeError) };
}

function parseQParams(
  field: string,
  dtype: QuantizedDType,
  { scale, zeroPoint, axis, scales, zeroPoints }: Record<string, unknown>,
  shape: readonly number[],
  makeError: MakeError,
): QParams {
  if (axis === undefined) {
    if (typeof scale !== 'number') throw makeError(`${field}.scale`, 'a number', quote(scale));
    if (typeof zeroPoint !== 'number') throw makeError(`${field}.zeroPoint`, 'a number', quote(zeroPoint));
    return checkedQParams(field, makeError, () => perTensorQParams('safetensors', dtype, scale, zeroPoint));
  }
  if (!isSize(axis) || axis >= shape.length)
    throw makeError(`${field}.axis`, `a dim of a tensor of shape ${quote(shape)}`, quote(axis));
  const size = shape[axis];
  const factors = decodeScales(scales);
  if (!isNumbers(factors, size))
    throw makeError(`${field}.scales`, `${size} float32 numbers in base64, or in a list`, quote(scales));
  const points = zeroPoints === undefined ? factors.map(() => 0) : zeroPoints;
  if (!isNumbers(points, size)) throw makeError(`${field}.zeroPoints`, `${size} numbers`, quote(zeroPoints));
  return checkedQParams(field, makeError, () =>
    perChannelQParams('safetensors', dtype, factors, points, axis),
  );
}

function isNumbers(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((v) => typeof v === 'number');
}
