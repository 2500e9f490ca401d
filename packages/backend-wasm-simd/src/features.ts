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
/** `f32x4.relaxed_madd` of three constants. */
const relaxedSimd = moduleOf(...v128, ...v128, ...v128, 0xfd, 0x85, 2, drop);
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
