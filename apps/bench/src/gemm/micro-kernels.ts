/**
 * What one thread of this machine and engine can reach in the inner loops of matrix products: loops of nothing but their instructions,
 * on a tile of as many rows × 8 outputs as the kernels', whose operands are in the first-level cache. The wasm is put together here: no
 * compiler is needed.
 */

/** Ways to multiply and add. Each step takes 4 bytes of each row and output: one float, a pair of int16, or four bytes. */
export type MicroKernel = 'float fma' | 'float' | 'exact' | 'seven' | 'one instruction';

/** Rows of a tile: with more than 8 sums none waits for the one instruction before it. */
const rowsOf = (kernel: MicroKernel): number => (kernel === 'one instruction' ? 6 : 4);
/** Vectors of 4 outputs. */
const vectors = 2;
/** Steps of one product, and products of one call. They are short, so that the best of many is that of a moment without others. */
const steps = 72;
const repeats = 500;

const macsOfStep: Record<MicroKernel, number> = {
  'float fma': 1,
  float: 1,
  exact: 2,
  seven: 4,
  'one instruction': 4,
};

const unsigned = (n: number): number[] =>
  n < 128 ? [n] : [(n % 128) | 128, ...unsigned(Math.floor(n / 128))];
const signed = (n: number): number[] => (n < 64 ? [n] : [(n & 127) | 128, ...signed(n >> 7)]);
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const get = (local: number): number[] => [0x20, ...unsigned(local)];
const set = (local: number): number[] => [0x21, ...unsigned(local)];
const constant = (n: number): number[] => [0x41, ...signed(n)];
const add = 0x6a;
const section = (id: number, ...contents: number[]): number[] => [
  id,
  ...unsigned(contents.length),
  ...contents,
];

const text = (name: string): Uint8Array => new TextEncoder().encode(name);

/** sums[local] ← sums[local] + w · x: the instructions that kernels use. */
function multiply(kernel: MicroKernel, sum: number, w: number, x: number, ones: number): number[] {
  const operands = [...get(w), ...get(x)];
  switch (kernel) {
    case 'float fma':
      return [...operands, ...get(sum), ...simd(0x105), ...set(sum)];
    case 'float':
      return [...operands, ...simd(0xe6), ...get(sum), ...simd(0xe4), ...set(sum)];
    case 'exact':
      return [...operands, ...simd(0xba), ...get(sum), ...simd(0xae), ...set(sum)];
    case 'seven':
      return [
        ...operands,
        ...simd(0x112),
        ...get(ones),
        ...simd(0xba),
        ...get(sum),
        ...simd(0xae),
        ...set(sum),
      ];
    case 'one instruction':
      return [...operands, ...get(sum), ...simd(0x113), ...set(sum)];
  }
}

/** A module that exports `run(repeats)`: so many products of `steps` steps of what lies in `memory`; the sums are at its start then. */
function moduleOf(kernel: MicroKernel): Uint8Array<ArrayBuffer> {
  const rows = rowsOf(kernel);
  const [count, w, x] = [0, 1, 2];
  const locals = Array.from({ length: rows * vectors }, (_, i) => 3 + i);
  const weights = Array.from({ length: vectors }, (_, i) => 3 + locals.length + i);
  const value = 3 + locals.length + vectors;
  const ones = value + 1;
  const weightBytes = steps * vectors * 16;
  const load = (address: number, offset: number) => [...get(address), ...simd(0), 4, ...unsigned(offset)];
  const splat = (address: number, offset: number) => [...get(address), ...simd(9), 2, ...unsigned(offset)];
  const body = [
    ...[...constant(1), ...simd(0x10), ...set(ones)],
    ...[0x03, 0x40],
    ...[...constant(0), ...set(w), ...constant(weightBytes), ...set(x)],
    ...[0x03, 0x40],
    ...weights.flatMap((local, i) => [...load(w, 16 * i), ...set(local)]),
    ...Array.from({ length: rows }, (_, r) => [
      ...[...splat(x, 4 * r), ...set(value)],
      ...weights.flatMap((weight, i) => multiply(kernel, locals[r * vectors + i], weight, value, ones)),
    ]).flat(),
    ...[...get(x), ...constant(4 * rows), add, ...set(x)],
    ...[...get(w), ...constant(16 * vectors), add, 0x22, ...unsigned(w)],
    ...[...constant(weightBytes), 0x48, 0x0d, 0, 0x0b],
    ...[...get(count), ...constant(1), 0x6b, 0x22, ...unsigned(count), 0x0d, 0, 0x0b],
    ...locals.flatMap((sum, i) => [...constant(0), ...get(sum), ...simd(11), 4, ...unsigned(16 * i)]),
    0x0b,
  ];
  // Two int32, the rest vectors.
  const declared = [2, ...[2, 0x7f], ...[ones - 2, 0x7b]];
  const code = [...declared, ...body];
  return Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 1, 0x7f, 0),
    ...section(3, 1, 0),
    ...section(5, 1, 0, 1),
    ...section(7, 2, 3, ...text('run'), 0, 0, 6, ...text('memory'), 2, 0),
    ...section(10, 1, ...unsigned(code.length), ...code),
  ]);
}

/** The loop, ready to run; null where the engine lacks the instructions. */
export function microKernel(kernel: MicroKernel) {
  const module = moduleOf(kernel);
  if (!WebAssembly.validate(module)) return null;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
  return {
    ...(exports as unknown as { run(repeats: number): void; memory: { readonly buffer: ArrayBuffer } }),
    sums: rowsOf(kernel) * vectors * 4,
    /** Multiply-adds for each of the sums in one repeat. */
    macs: macsOfStep[kernel] * steps,
  };
}

/**
 * 10⁹ multiplications a second: the best of what was measured in `ms` milliseconds, after as many in which the engine may compile
 * the loop a second time. Null where it lacks the instructions.
 */
export function measureCeiling(kernel: MicroKernel, ms = 50): number | null {
  const loop = microKernel(kernel);
  if (!loop) return null;
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + 2 * ms;
  for (let start = performance.now(); start < end; ) {
    loop.run(repeats);
    const now = performance.now();
    best = Math.min(best, now - start);
    start = now;
  }
  return (loop.macs * loop.sums * repeats) / best / 1e6;
}
