import {
  hostArray,
  type KernelInputs,
  type KernelName,
  type KernelOutputs,
  type KernelTable,
  numel,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';

/** A tensor with its elements, dense and row-major. */
export interface CaseTensor {
  readonly dtype: StorageDType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** An output; `data` is what it holds before the call, where the kernel reads it (in-out). */
export interface CaseOutput {
  readonly dtype: StorageDType;
  readonly shape: readonly number[];
  readonly data?: TypedArray;
}

/** How far float outputs may be from the definition's: |got - expected| <= atol + rtol · |expected|. Integers never. */
export type Tolerance = 'exact' | { readonly atol: number; readonly rtol: number };

/** One call of a kernel. What comes out is not here: the oracle says. */
export interface KernelCase<N extends KernelName = KernelName> {
  readonly name: string;
  readonly inputs: KernelInputs<KernelTable[N], CaseTensor>;
  readonly outputs: KernelOutputs<KernelTable[N], CaseOutput>;
  readonly attrs: KernelTable[N]['attrs'];
  readonly tolerance: Tolerance;
}

/** The cases of some kernels, each made when asked for. */
export type CasesOf<N extends KernelName> = { readonly [K in N]: () => KernelCase<K>[] };

/** A few roundings apart. */
export const close: Tolerance = { atol: 1e-6, rtol: 1e-5 };
/** The same sum in another order. */
export const summed: Tolerance = { atol: 1e-5, rtol: 1e-4 };

/** A number from 0 to 1 per call; the same ones for the same seed (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function tensor(dtype: StorageDType, shape: readonly number[], values: ArrayLike<number>): CaseTensor {
  const data = hostArray(dtype, numel(shape));
  data.set(values);
  return { dtype, shape, data };
}

export function full(dtype: StorageDType, shape: readonly number[], value: number): CaseTensor {
  return { dtype, shape, data: hostArray(dtype, numel(shape)).fill(value) };
}

/** float32 numbers between the bounds. */
export function floats(
  seed: number,
  shape: readonly number[],
  min = -2,
  max = 2,
  dtype: 'float32' | 'float64' = 'float32',
): CaseTensor {
  const next = uniform(seed);
  const data = hostArray(dtype, numel(shape)).map(() => min + (max - min) * next());
  return { dtype, shape, data };
}

const widest = {
  uint8: [0, 255],
  int8: [-128, 127],
  bool: [0, 1],
  int32: [-1000, 1000],
} as const;

/** Integers between the bounds, by default all that 8 bits hold; the first two are the bounds themselves. */
export function integers(
  seed: number,
  dtype: keyof typeof widest,
  shape: readonly number[],
  [min, max]: readonly [number, number] = widest[dtype],
): CaseTensor {
  const next = uniform(seed);
  const data = hostArray(dtype, numel(shape)).map((_, i) =>
    i < 2 && dtype !== 'bool' ? [max, min][i] : Math.floor(min + (max - min + 1) * next()),
  );
  return { dtype, shape, data };
}

/** What isn't a number, or hardly one: a kernel must not hide it. */
export const strange = [Number.NaN, Infinity, -Infinity] as const;

/** Numbers so small that a processor may take them for 0. */
export const denormals = [1e-40, -1e-40, 1.4e-45, -5e-39] as const;

/** float32 numbers of which each fifth is another one of `special`: some in every lane of a vector, and at both ends. */
export function withSpecials(shape: readonly number[], special: readonly number[] = strange): CaseTensor {
  const x = floats(21, shape);
  for (let i = 0, at = 0; at < x.data.length; i++, at += 5) x.data[at] = special[i % special.length];
  x.data[x.data.length - 1] = special[0];
  return x;
}

/** [n,n]: a row for each position that the one special number can have. */
export function onDiagonal(n: number, special: number): CaseTensor {
  const x = floats(22, [n, n]);
  for (let i = 0; i < n; i++) x.data[i * n + i] = special;
  return x;
}

export function output(dtype: StorageDType, shape: readonly number[]): CaseOutput {
  return { dtype, shape };
}
