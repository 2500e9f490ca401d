import { hostArray, type StorageDType } from '@octet/backend';
import { type KernelFamily, size } from '../kernel';
import { type Program, program, type WgslElement } from '../program';
import { bytes } from '../wgsl/bytes';
import { isNan } from '../wgsl/special';

const fillWords = program({
  name: 'fill',
  inputs: {},
  outputs: { y: 'u32' },
  uniforms: { n: 'u32', value: 'u32' },
  workgroup: [64],
  main: 'if (index < u.n) { y[index] = u.value; }',
});

type Kind = 'f32' | 'i32' | 'bytes';
const kinds = ['f32', 'i32', 'bytes'] as const;

function kindOf(dtype: StorageDType): Kind {
  return dtype === 'float32' ? 'f32' : dtype === 'int32' ? 'i32' : 'bytes';
}

const element = (kind: Kind): WgslElement => (kind === 'bytes' ? 'u32' : kind);

const load: Record<Kind, string> = {
  f32: 'fn load(i: u32) -> f32 { return x[i]; }',
  i32: 'fn load(i: u32) -> i32 { return x[i]; }',
  bytes: `fn load(i: u32) -> i32 {
  let word = x[i >> 2u];
  return select(unsignedBytes(word), signedBytes(word), u.isSigned == 1u)[i & 3u];
}`,
};

const isNonzero = {
  f32: 'fn isNonzero(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) != 0u; }',
  i32: 'fn isNonzero(v: i32) -> bool { return v != 0; }',
};

/** To the nearest int32 towards zero, NaN to 0. */
const truncate = {
  f32: `fn truncated(v: f32) -> i32 {
  if (isNan(v)) { return 0; }
  if (v >= 2147483648.0) { return 2147483647; }
  return i32(max(v, -2147483648.0));
}`,
  i32: 'fn truncated(v: i32) -> i32 { return v; }',
};

const store: Record<Kind, string> = {
  f32: 'y[index] = f32(load(index));',
  i32: 'y[index] = truncated(load(index));',
  bytes: `var numbers = vec4i();
  for (var i = 0u; i < 4u; i++) {
    let v = load(4u * index + i);
    numbers[i] = select(clamp(truncated(v), u.lowest, u.highest), i32(isNonzero(v)), u.isBool == 1u);
  }
  y[index] = packBytes(numbers);`,
};

/** One invocation for each element of y, or for each word of four. */
function castProgram(from: Kind, to: Kind): Program {
  const type = from === 'f32' ? 'f32' : 'i32';
  return program({
    name: `cast ${from} to ${to}`,
    inputs: { x: element(from) },
    outputs: { y: element(to) },
    uniforms: { n: 'u32', isSigned: 'u32', isBool: 'u32', lowest: 'i32', highest: 'i32' },
    workgroup: [64],
    include: [bytes, isNan, load[from], isNonzero[type], truncate[type]],
    main: `if (index >= u.n) { return; }\n  ${store[to]}`,
  });
}

const casts = Object.fromEntries(
  kinds.map((from) => [from, Object.fromEntries(kinds.map((to) => [to, castProgram(from, to)]))]),
) as Record<Kind, Record<Kind, ReturnType<typeof castProgram>>>;

export const data: KernelFamily<'fill' | 'cast'> = (gpu) => ({
  fill({ y }, { value }) {
    const word = hostArray(y.dtype, 4);
    word.fill(y.dtype === 'bool' ? Number(value !== 0) : value);
    const n = Math.ceil((size(y) * word.BYTES_PER_ELEMENT) / 4);
    gpu.run(fillWords, { y }, { n, value: new Uint32Array(word.buffer)[0] }, Math.ceil(n / 64));
  },

  cast({ x, y }) {
    const to = kindOf(y.dtype);
    const n = Math.ceil(size(y) / (to === 'bytes' ? 4 : 1));
    const [lowest, highest] = y.dtype === 'int8' ? [-128, 127] : [0, 255];
    const uniforms = {
      n,
      isSigned: Number(x.dtype === 'int8'),
      isBool: Number(y.dtype === 'bool'),
      lowest,
      highest,
    };
    gpu.run(casts[kindOf(x.dtype)][to], { x, y }, uniforms, Math.ceil(n / 64));
  },
});
