import {
  ArgumentError,
  type Backend,
  checkOptions,
  type DType,
  DTypeError,
  hostArray,
  isQuantizedDType,
  type QuantizedDType,
  requireType,
  ShapeError,
  type StorageDType,
  storageDType,
  type TypedArray,
} from '@octet/backend';
import { getBackend } from './current-backend';
import { empty, run } from './kernel';
import { checkShape, formatShape, numel } from './layout';
import { checkQParams, type QParams } from './qparams';
import { defaultGenerator, type Generator } from './random';
import type { Tensor } from './tensor';
import { tensorOptions } from './tensor-options';
import { activeWatch } from './watch';

export interface TensorOptions {
  /** float32 unless given; for typed arrays, that of the array. */
  dtype?: StorageDType;
  backend?: Backend;
  requiresGrad?: boolean;
}

export type NestedNumbers = number | boolean | readonly NestedNumbers[];

/** A tensor from host data in row-major order. @throws ShapeError if the length doesn't fit the shape */
export function fromData(data: ArrayLike<number>, shape: readonly number[], options?: TensorOptions): Tensor {
  const {
    dtype = dtypeOf(data),
    backend = getBackend(),
    requiresGrad,
  } = checkOptions('tensor', options, tensorOptions);
  checkShape('tensor', shape);
  if (isQuantizedDType(dtype as DType)) {
    throw new DTypeError({
      op: 'tensor',
      expected: 'a plain dtype',
      found: dtype,
      fix: 'Use quantizedTensor(ints, shape, dtype, qparams), or quantize a float tensor.',
    });
  }
  requireLength('tensor', data, shape);
  const t = empty(backend, shape, { dtype });
  backend.write(t.storage.buffer, toHost(data, dtype));
  if (requiresGrad) t.requiresGrad = true;
  return t;
}

function requireLength(op: string, data: ArrayLike<number>, shape: readonly number[]): void {
  if (data.length === numel(shape)) return;
  throw new ShapeError({
    op,
    expected: `${numel(shape)} elements for shape ${formatShape(shape)}`,
    found: String(data.length),
    fix: 'Make data and shape agree.',
  });
}

function dtypeOf(data: ArrayLike<number>): StorageDType {
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int8Array) return 'int8';
  return 'float32';
}

function toHost(data: ArrayLike<number>, dtype: StorageDType): TypedArray {
  const host = hostArray(dtype, 0);
  if (data.constructor === host.constructor && dtype !== 'bool') return data as TypedArray;
  const out = hostArray(dtype, data.length);
  for (let i = 0; i < data.length; i++) out[i] = dtype === 'bool' ? Number(Boolean(data[i])) : data[i];
  return out;
}

/**
 * A tensor from a number, nested arrays, or a typed array with a shape; float32, or bool for booleans, unless told.
 * @example tensor([[1, 2], [3, 4]]); tensor(new Float32Array(6), [2, 3])
 * @throws ShapeError if the nested arrays are ragged
 */
export function tensor(
  values: NestedNumbers | TypedArray,
  shape?: readonly number[] | TensorOptions,
  options?: TensorOptions,
): Tensor {
  const given = Array.isArray(shape) ? (shape as readonly number[]) : undefined;
  checkOptions('tensor', options, tensorOptions);
  const opts =
    options ??
    (given ? undefined : checkOptions('tensor', shape as TensorOptions | undefined, tensorOptions));
  if (ArrayBuffer.isView(values))
    return fromData(values as TypedArray, given ?? [(values as TypedArray).length], opts);
  const inferred: number[] = [];
  let first = values as NestedNumbers;
  for (; Array.isArray(first); first = first[0]) inferred.push(first.length);
  const flat: number[] = [];
  flatten(values as NestedNumbers, inferred, 0, flat);
  return fromData(flat, given ?? inferred, typeof first === 'boolean' ? { dtype: 'bool', ...opts } : opts);
}

function flatten(v: NestedNumbers, shape: readonly number[], depth: number, out: number[]): void {
  if (Array.isArray(v) !== depth < shape.length || (Array.isArray(v) && v.length !== shape[depth])) {
    throw new ShapeError({
      op: 'tensor',
      expected: `nested arrays of shape ${formatShape(shape)}`,
      found: Array.isArray(v) ? `an array of ${v.length} at depth ${depth}` : `a number at depth ${depth}`,
      fix: 'Make all rows the same length.',
    });
  }
  if (Array.isArray(v)) for (const row of v) flatten(row, shape, depth + 1, out);
  else out.push(Number(v));
}

/**
 * A quantized tensor from its integers in row-major order.
 * @throws ShapeError if the length doesn't fit the shape, QuantizationError for qparams that don't fit dtype or shape
 */
export function quantizedTensor(
  ints: ArrayLike<number>,
  shape: readonly number[],
  dtype: QuantizedDType,
  qparams: QParams,
  options?: { backend?: Backend },
): Tensor {
  const { backend = getBackend() } = checkOptions('quantizedTensor', options, 'backend');
  checkShape('quantizedTensor', shape);
  requireLength('quantizedTensor', ints, shape);
  const checked = checkQParams('quantizedTensor', dtype, shape, qparams);
  const t = empty(backend, shape, { dtype, qparams: checked });
  backend.write(t.storage.buffer, toHost(ints, storageDType(dtype)));
  return t;
}

export function full(shape: readonly number[], value: number, options?: TensorOptions): Tensor {
  return filled('full', shape, value, options);
}

function filled(op: string, shape: readonly number[], value: number, options?: TensorOptions): Tensor {
  const {
    dtype = 'float32',
    backend = getBackend(),
    requiresGrad,
  } = checkOptions(op, options, tensorOptions);
  checkShape(op, shape);
  // true and false fill tensors of bool.
  if (typeof value !== 'boolean') requireType(op, 'value', value, 'number');
  const t = empty(backend, shape, { dtype });
  run('fill', {}, { y: t }, { value });
  if (requiresGrad) t.requiresGrad = true;
  return t;
}

export function zeros(shape: readonly number[], options?: TensorOptions): Tensor {
  return filled('zeros', shape, 0, options);
}

export function ones(shape: readonly number[], options?: TensorOptions): Tensor {
  return filled('ones', shape, 1, options);
}

export function zerosLike(t: Tensor): Tensor {
  return zeros(t.shape, { dtype: t.storage.dtype, backend: t.backend });
}

export function onesLike(t: Tensor): Tensor {
  return ones(t.shape, { dtype: t.storage.dtype, backend: t.backend });
}

/** start, start + step, … below end; `arange(n)` counts from 0. float32 unless told otherwise. */
export function arange(start: number, end?: number, step = 1, options?: TensorOptions): Tensor {
  checkOptions('arange', options, tensorOptions);
  const [from, to] = end === undefined ? [0, start] : [start, end];
  if (!(Number.isFinite(to - from) && Number.isFinite(step) && step !== 0)) {
    throw new ArgumentError({
      op: 'arange',
      expected: 'finite ends and a step other than 0',
      found: `${from} to ${to} in steps of ${step}`,
      fix: 'arange(n) counts from 0 to n - 1.',
    });
  }
  const n = Math.max(0, Math.ceil((to - from) / step));
  return fromData(
    Array.from({ length: n }, (_, i) => from + i * step),
    [n],
    options,
  );
}

export interface RandomOptions extends TensorOptions {
  generator?: Generator;
}

const randomOptions = `generator ${tensorOptions}`;

function random(
  op: string,
  shape: readonly number[],
  options: RandomOptions | undefined,
  next: (g: Generator) => number,
  dtypeUnlessGiven: StorageDType = 'float32',
): Tensor {
  const {
    generator = defaultGenerator,
    dtype = dtypeUnlessGiven,
    ...rest
  } = checkOptions(op, options, randomOptions);
  checkShape(op, shape);
  activeWatch()?.random(op);
  const host = hostArray(dtype, numel(shape));
  for (let i = 0; i < host.length; i++) host[i] = next(generator);
  return fromData(host, shape, { ...rest, dtype });
}

/** Standard normal numbers. */
export function randn(shape: readonly number[], options?: RandomOptions): Tensor {
  return random('randn', shape, options, (g) => g.normal());
}

/** Uniform numbers in [0, 1), 24 random bits each: more could round to 1 in float32. */
export function rand(shape: readonly number[], options?: RandomOptions): Tensor {
  return random('rand', shape, options, (g) => (g.next() >>> 8) / 2 ** 24);
}

/** Whole numbers low <= x < high, int32 unless told otherwise. */
export function randint(
  low: number,
  high: number,
  shape: readonly number[],
  options?: RandomOptions,
): Tensor {
  return random('randint', shape, options, (g) => low + Math.floor(g.uniform() * (high - low)), 'int32');
}

/** 0 … n - 1 in random order, int32. */
export function randperm(n: number, options?: RandomOptions): Tensor {
  const { generator = defaultGenerator, ...rest } = checkOptions('randperm', options, randomOptions);
  activeWatch()?.random('randperm');
  return fromData(generator.permutation(n), [n], { dtype: 'int32', ...rest });
}
