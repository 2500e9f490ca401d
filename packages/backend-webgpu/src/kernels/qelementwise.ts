import { type QAffineAttrs, roundHalfEven } from '@octet/backend';
import { contentKey } from '../cache';
import type { Gpu } from '../gpu';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { bytes, flip, requantize, requantizeBounds, requantizeUniforms } from '../wgsl/bytes';

// One word of four bytes an invocation. What lies behind the last byte is computed too: nobody reads it.

const qlookup = program({
  name: 'qlookup',
  inputs: { x: 'u32', table: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { words: 'u32', flip: 'u32' },
  workgroup: [64],
  include: [bytes],
  main: `
  if (index >= u.words) { return; }
  let at = vec4u(unsignedBytes(x[index] ^ u.flip));
  let found = vec4u(table[at.x >> 2u], table[at.y >> 2u], table[at.z >> 2u], table[at.w >> 2u]);
  y[index] = packBytes(vec4i(found >> (8u * (at & vec4u(3u)))));`,
});

const qadd = program({
  name: 'qadd',
  inputs: { a: 'u32', b: 'u32' },
  outputs: { y: 'u32' },
  uniforms: {
    words: 'u32',
    aMultiplier: 'i32',
    bMultiplier: 'i32',
    aZero: 'i32',
    bZero: 'i32',
    shift: 'u32',
    yZero: 'i32',
    clampMin: 'i32',
    clampMax: 'i32',
  },
  workgroup: [64],
  include: [bytes],
  main: `
  if (index >= u.words) { return; }
  // Below 2^22 · 510: int32 holds it.
  let sum = u.aMultiplier * (unsignedBytes(a[index]) - u.aZero)
    + u.bMultiplier * (unsignedBytes(b[index]) - u.bZero);
  // Half away from zero: half is added to the magnitude. Shifted by more than 31 bits, no sum is as much as a half.
  let rounded = (vec4u(abs(sum)) + ((1u << u.shift) >> 1u)) >> vec4u(u.shift);
  let steps = vec4i(select(rounded, vec4u(), u.shift > 31u));
  y[index] = packBytes(clamp(sign(sum) * steps + u.yZero, vec4i(u.clampMin), vec4i(u.clampMax)));`,
});

const qmul = program({
  name: 'qmul',
  inputs: { a: 'u32', b: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { ...requantizeUniforms, words: 'u32', aZero: 'i32', bZero: 'i32', multiplier: 'f32' },
  workgroup: [64],
  include: [bytes, requantize],
  main: `
  if (index >= u.words) { return; }
  let product = (unsignedBytes(a[index]) - u.aZero) * (unsignedBytes(b[index]) - u.bZero);
  y[index] = requantize(product, vec4f(u.multiplier));`,
});

/** By a table for each channel: a GPU may fuse a product and a sum, which then round once. */
const qaffine = program({
  name: 'qaffine',
  inputs: { x: 'u32', table: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { words: 'u32', channels: 'u32' },
  workgroup: [64],
  include: [bytes],
  main: `
  if (index >= u.words) { return; }
  let channel = (vec4u(4u * index) + vec4u(0u, 1u, 2u, 3u)) % vec4u(u.channels);
  let at = vec4u(unsignedBytes(x[index])) + 256u * channel;
  let found = vec4u(table[at.x >> 2u], table[at.y >> 2u], table[at.z >> 2u], table[at.w >> 2u]);
  y[index] = packBytes(vec4i(found >> (8u * (at & vec4u(3u)))));`,
});

/** The table that was made last of a layer's numbers, and the other attributes. */
const tables = new WeakMap<Float32Array, { key: string; table: Uint8Array }>();

/** The 256 integers of each channel. */
function affineTable(attrs: QAffineAttrs): Uint8Array {
  const { xZeroPoint, negative, shift, yZeroPoint, clampMin, clampMax } = attrs;
  const key = `${xZeroPoint} ${yZeroPoint} ${clampMin} ${clampMax} ${contentKey(negative)} ${contentKey(shift)}`;
  const last = tables.get(attrs.positive);
  if (last?.key === key) return last.table;
  const table = makeTable(attrs);
  tables.set(attrs.positive, { key, table });
  return table;
}

function makeTable(attrs: QAffineAttrs): Uint8Array {
  const { xZeroPoint, positive, negative, shift, yZeroPoint, clampMin, clampMax } = attrs;
  const table = new Uint8Array(256 * shift.length);
  for (let i = 0; i < table.length; i++) {
    const c = i >> 8;
    const q = (i & 255) - xZeroPoint;
    const v = Math.fround(Math.fround(q * (q > 0 ? positive : negative)[c]) + shift[c]);
    table[i] = Math.min(Math.max(roundHalfEven(v) + yZeroPoint, clampMin), clampMax);
  }
  return table;
}

const wordsOf = (t: GpuTensor) => Math.ceil(size(t) / 4);
const groupsOf = (words: number) => Math.ceil(words / 64);

export const qelementwise: KernelFamily<'qlookup' | 'qadd' | 'qmul' | 'qaffine'> = (gpu: Gpu) => ({
  qlookup({ x, y }, { table }) {
    const words = wordsOf(y);
    const flipped = x.dtype === 'int8' ? flip : 0;
    gpu.run(qlookup, { x, table: gpu.constant(table), y }, { words, flip: flipped }, groupsOf(words));
  },
  qadd({ a, b, y }, { aZeroPoint: aZero, bZeroPoint: bZero, yZeroPoint: yZero, ...attrs }) {
    const words = wordsOf(y);
    gpu.run(qadd, { a, b, y }, { ...attrs, aZero, bZero, yZero, words }, groupsOf(words));
  },
  qmul({ a, b, y }, { aZeroPoint: aZero, bZeroPoint: bZero, multiplier, ...attrs }) {
    const words = wordsOf(y);
    const uniforms = { ...requantizeBounds(attrs), multiplier, aZero, bZero, words };
    gpu.run(qmul, { a, b, y }, uniforms, groupsOf(words));
  },
  qaffine({ x, y }, attrs) {
    const words = wordsOf(y);
    if (words === 0) return;
    const uniforms = { words, channels: x.shape[1] };
    gpu.run(qaffine, { x, table: gpu.constant(affineTable(attrs)), y }, uniforms, groupsOf(words));
  },
});
