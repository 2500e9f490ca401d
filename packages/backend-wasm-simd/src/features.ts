import { platform } from './platform';

/** The start of every wasm module: one function type `() → ()` and one function of it, without its body's section. */
const head = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0];

/** A module whose one function has this body. */
function moduleOf(...body: number[]): Uint8Array {
  return Uint8Array.of(...head, 10, body.length + 4, 1, body.length + 2, 0, ...body, 11);
}

const v128 = [0xfd, 12, ...new Array<number>(16).fill(0)];
const drop = 26;

/** `i32x4.dot_i16x8_s` of two constants. */
const simd = moduleOf(...v128, ...v128, 0xfd, 0xba, 1, drop);
/** `f32x4.relaxed_madd` of three constants, and `i32x4.relaxed_dot_i8x16_i7x16_add_s` of that and two: engines may have one alone. */
const relaxedSimd = moduleOf(...v128, ...v128, ...v128, 0xfd, 0x85, 2, ...v128, ...v128, 0xfd, 0x93, 2, drop);
/** A shared memory of one page, and `atomic.fence`. */
const threads = Uint8Array.of(...head, 5, 4, 1, 3, 1, 1, 10, 7, 1, 5, 0, 0xfe, 3, 0, 11);

/** What of WebAssembly this engine has. Asks it to validate a tiny module for each feature. */
export interface Features {
  simd: boolean;
  relaxedSimd: boolean;
  threads: boolean;
}

export function probeFeatures(): Features {
  const has = (module: Uint8Array) => platform.WebAssembly?.validate(module) ?? false;
  return { simd: has(simd), relaxedSimd: has(relaxedSimd), threads: has(threads) };
}

/**
 * How products of bytes are made, the best first: four at once with activations as uint8, or as int8, of all 8 bits; four at once
 * of 7 bits, of the rest by pairs; all by pairs, as int16. The integers are the same.
 */
export type Dot = 'unsigned' | 'signed' | 'seven' | 'exact';

/**
 * What `i32x4.relaxed_dot_i8x16_i7x16_add_s` does with a second operand above 127, which is up to the engine.
 *
 * The two products tell every way apart that an engine may go: x as uint8 or int8, pairs of products that stay, wrap around or
 * saturate at int16, the operands exchanged. What is none of the first two is 'seven', whose activations are below 128: there the
 * standard leaves no choice.
 *
 * One answer must hold for every compiler of the engine and every thread, since hot functions are compiled again while they are in
 * use, and no program can tell when. The standard says so: an environment chooses once for each operator. What engines do:
 *
 * - V8, x64: both compilers call one routine, which gives `vpdpbusd` with AVX-VNNI ('unsigned'), `vpdpbssd` with AVX-VNNI-INT8
 *   ('signed'), else `vpmaddubsw`.
 * - V8, arm64: the optimizing compiler gives `sdot` where there is one. The first one, and both without `sdot`, add pairs of
 *   products in int16, which wraps around for two of -128 · -128 only. Packing refuses weights with such a pair ('signed').
 * - SpiderMonkey, x64: `vpmaddubsw`, by one routine of both compilers. On arm64 it may go either way of V8, and that is all one.
 *
 * A test asks each of V8's compilers alone for all products of two bytes.
 *
 * @param dotOf the sum of four products of two bytes by that instruction; 0 without it
 */
export function probeDot(dotOf: (w: number, x: number) => number): Dot {
  const found = `${[dotOf(-128, 255), dotOf(127, 200)]}`;
  if (found === '-130560,101600') return 'unsigned';
  if (found === '512,-28448') return 'signed';
  return found === '0,0' ? 'exact' : 'seven';
}
