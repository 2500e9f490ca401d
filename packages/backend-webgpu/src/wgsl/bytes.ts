import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import type { GpuTensor } from '../kernel';
import { program } from '../program';

/** Words of four bytes and their numbers, the first byte lowest. Packing takes each number's lowest 8 bits. */
export const bytes = /* wgsl */ `
fn unsignedBytes(word: u32) -> vec4i {
  return vec4i((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u));
}
fn signedBytes(word: u32) -> vec4i {
  return vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u);
}
fn packBytes(numbers: vec4i) -> u32 {
  let word = (vec4u(numbers) & vec4u(255u)) << vec4u(0u, 8u, 16u, 24u);
  return word.x | word.y | word.z | word.w;
}
`;

/**
 * Flips the highest bit of four bytes, which turns int8 into uint8 of the same order, 128 more, and back: kernels for both
 * know uint8 alone.
 */
export const flip = 0x80808080;

/** Declares `NAMEFour(at)`: the four bytes of a buffer from any place, those past its end unspecified. */
export const fourBytes = (name: string): string => /* wgsl */ `
fn ${name}Four(at: u32) -> u32 {
  let shift = 8u * (at & 3u);
  let low = ${name}[at >> 2u];
  if (shift == 0u) { return low; }
  return (low >> shift) | (${name}[(at >> 2u) + 1u] << (32u - shift));
}
`;

/**
 * int32 sums to bytes: clamp(rint(f32(sum) · multiplier) + zero, …) of docs/numerics.md. The clamp comes before the
 * conversion, with bounds that are `zero` lower.
 */
export const requantize = /* wgsl */ `
fn requantize(sums: vec4i, multiplier: vec4f) -> u32 {
  let steps = round(vec4f(sums) * multiplier);
  return packBytes(vec4i(clamp(steps, vec4f(u.lowest), vec4f(u.highest))) + u.zero);
}
`;

export const requantizeUniforms = { lowest: 'f32', highest: 'f32', zero: 'i32' } as const;

/** The uniforms of `requantize`. */
export const requantizeBounds = ({
  yZeroPoint,
  clampMin,
  clampMax,
}: {
  yZeroPoint: number;
  clampMin: number;
  clampMax: number;
}) => ({ lowest: clampMin - yZeroPoint, highest: clampMax - yZeroPoint, zero: yZeroPoint });

const dense = program({
  name: 'rows of bytes, made dense',
  inputs: { rows: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { words: 'u32', channels: 'u32', columns: 'u32' },
  workgroup: [64],
  main: `
  if (index >= u.words) { return; }
  var word = 0u;
  for (var i = 0u; i < 4u; i++) {
    let line = (4u * index + i) / u.channels;
    let at = 4u * u.columns * line + (4u * index + i) % u.channels;
    word |= ((rows[at >> 2u] >> (8u * (at & 3u))) & 255u) << (8u * i);
  }
  y[index] = word;`,
});

/**
 * Lets `compute` write bytes as rows of whole words, `columns` of them for every `channels` bytes. Where that isn't how `y`
 * lies in memory they go to a buffer of their own first.
 */
export function inRows(
  gpu: Gpu,
  { buffer: y }: GpuTensor,
  rows: number,
  channels: number,
  compute: (y: GpuBuffer, columns: number) => void,
): void {
  const columns = Math.ceil(channels / 4);
  if (channels % 4 === 0) {
    compute(y, columns);
    return;
  }
  const padded = gpu.scratch(4 * rows * columns);
  compute(padded, columns);
  const words = Math.ceil((rows * channels) / 4);
  gpu.run(dense, { rows: padded, y }, { words, channels, columns }, Math.ceil(words / 64));
}
