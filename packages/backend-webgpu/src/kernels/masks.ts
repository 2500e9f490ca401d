import type { RelationName, StorageDType } from '@octet/backend';
import type { Gpu } from '../gpu';
import { type GpuKernel, type GpuTensor, type KernelFamily, size } from '../kernel';
import { type Program, program } from '../program';
import { bytes } from '../wgsl/bytes';

type Kind = 'float' | 'int' | 'bytes';

function kindOf(dtype: StorageDType): Kind {
  return dtype === 'float32' ? 'float' : dtype === 'int32' ? 'int' : 'bytes';
}

/**
 * A number of any dtype as an integer that is ordered as it is: a compiler may take it that floats are no NaNs, integers say
 * it for sure.
 */
const key: Readonly<Record<Kind, string>> = {
  float: `fn key(word: u32) -> i32 {
  let magnitude = i32(word & 0x7fffffffu);
  return select(magnitude, -magnitude, (word >> 31u) == 1u);
}
fn isNanKey(v: i32) -> bool { return abs(v) > 0x7f800000; }`,
  int: `fn key(word: u32) -> i32 { return bitcast<i32>(word); }
fn isNanKey(v: i32) -> bool { return false; }`,
  bytes: `fn key(word: u32) -> i32 { return i32(word); }
fn isNanKey(v: i32) -> bool { return false; }`,
};

/** The key of an operand's element `at`. */
function loading(kind: Kind, name: 'a' | 'b'): string {
  return kind === 'bytes'
    ? `fn ${name}Key(at: u32) -> i32 {
  let word = ${name}[at >> 2u];
  return select(unsignedBytes(word), signedBytes(word), u.isSigned == 1u)[at & 3u];
}`
    : `fn ${name}Key(at: u32) -> i32 { return key(${name}[at]); }`;
}

/** By p and q, the keys, and `nan`: whether one is of a NaN. */
const expressions: Readonly<Record<RelationName, string>> = {
  eq: '!nan && p == q',
  ne: 'nan || p != q',
  lt: '!nan && p < q',
  le: '!nan && p <= q',
  logicalAnd: 'p != 0 && q != 0',
  logicalOr: 'p != 0 || q != 0',
};

/** One invocation for each word of four results. */
function relationProgram(name: RelationName, kind: Kind): Program {
  return program({
    name: `${name} of ${kind}`,
    inputs: { a: 'u32', b: 'u32' },
    outputs: { y: 'u32' },
    uniforms: { n: 'u32', words: 'u32', aStep: 'u32', bStep: 'u32', isSigned: 'u32' },
    workgroup: [64],
    include: [bytes, key[kind], loading(kind, 'a'), loading(kind, 'b')],
    main: `
  if (index >= u.words) { return; }
  var word = 0u;
  for (var i = 0u; i < 4u; i++) {
    let at = min(4u * index + i, u.n - 1u);
    let p = aKey(at * u.aStep);
    let q = bKey(at * u.bStep);
    let nan = isNanKey(p) || isNanKey(q);
    word |= select(0u, 1u << (8u * i), ${expressions[name]});
  }
  y[index] = word;`,
  });
}

const programs = Object.fromEntries(
  (Object.keys(expressions) as RelationName[]).map((name) => [
    name,
    Object.fromEntries(
      (['float', 'int', 'bytes'] as const).map((kind) => [kind, relationProgram(name, kind)]),
    ),
  ]),
) as unknown as Readonly<Record<RelationName, Readonly<Record<Kind, Program>>>>;

const maskAt = `fn maskAt(at: u32) -> bool { return ((mask[at >> 2u] >> (8u * (at & 3u))) & 255u) != 0u; }`;
const whereUniforms = { n: 'u32', maskStep: 'u32', aStep: 'u32', bStep: 'u32' } as const;

const whereWords = program({
  name: 'where',
  inputs: { mask: 'u32', a: 'u32', b: 'u32' },
  outputs: { y: 'u32' },
  uniforms: whereUniforms,
  workgroup: [64],
  code: maskAt,
  main: `
  if (index >= u.n) { return; }
  y[index] = select(b[index * u.bStep], a[index * u.aStep], maskAt(index * u.maskStep));`,
});

const whereBytes = program({
  name: 'where of bytes',
  inputs: { mask: 'u32', a: 'u32', b: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { ...whereUniforms, words: 'u32' },
  workgroup: [64],
  code: `${maskAt}
fn aAt(at: u32) -> u32 { return (a[at >> 2u] >> (8u * (at & 3u))) & 255u; }
fn bAt(at: u32) -> u32 { return (b[at >> 2u] >> (8u * (at & 3u))) & 255u; }`,
  main: `
  if (index >= u.words) { return; }
  var word = 0u;
  for (var i = 0u; i < 4u; i++) {
    let at = min(4u * index + i, u.n - 1u);
    word |= select(bAt(at * u.bStep), aAt(at * u.aStep), maskAt(at * u.maskStep)) << (8u * i);
  }
  y[index] = word;`,
});

const step = (t: GpuTensor) => Number(size(t) !== 1);

function relation(gpu: Gpu, name: RelationName): GpuKernel<'eq'> {
  return ({ a, b, y }) => {
    const n = size(y);
    const words = Math.ceil(n / 4);
    const uniforms = { n, words, aStep: step(a), bStep: step(b), isSigned: Number(a.dtype === 'int8') };
    gpu.run(programs[name][kindOf(a.dtype)], { a, b, y }, uniforms, Math.ceil(words / 64));
  };
}

/** Relations of two tensors, and the choice by a mask. */
export const masks: KernelFamily<RelationName | 'where'> = (gpu) => ({
  eq: relation(gpu, 'eq'),
  ne: relation(gpu, 'ne'),
  lt: relation(gpu, 'lt'),
  le: relation(gpu, 'le'),
  logicalAnd: relation(gpu, 'logicalAnd'),
  logicalOr: relation(gpu, 'logicalOr'),
  where({ mask, a, b, y }) {
    const n = size(y);
    const uniforms = { n, maskStep: step(mask), aStep: step(a), bStep: step(b) };
    if (kindOf(y.dtype) !== 'bytes') {
      gpu.run(whereWords, { mask, a, b, y }, uniforms, Math.ceil(n / 64));
      return;
    }
    const words = Math.ceil(n / 4);
    gpu.run(whereBytes, { mask, a, b, y }, { ...uniforms, words }, Math.ceil(words / 64));
  },
});
