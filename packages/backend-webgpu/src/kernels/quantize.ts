import { type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { bytes } from '../wgsl/bytes';
import { isNan } from '../wgsl/special';

const channelUniforms = {
  size: 'u32',
  channels: 'u32',
  inner: 'u32',
  scales: 'u32',
  zeroPoints: 'u32',
} as const;

const channelOf = /* wgsl */ `
fn channelOf(at: u32, count: u32) -> u32 { return select(0u, at / u.inner % u.channels, count > 1u); }
`;

const quantizing = {
  inputs: { x: 'f32', inverse: 'f32', zeroPoint: 'i32' },
  outputs: { y: 'u32' },
  uniforms: { ...channelUniforms, quantMin: 'i32', quantMax: 'i32' },
  workgroup: [64],
  include: [
    channelOf,
    isNan,
    // An int32 added to a number of up to 33 bits: what lies between the zero point and the bounds has no more than 32.
    /* wgsl */ `
fn quantized(at: u32) -> i32 {
  let zero = zeroPoint[channelOf(at, u.zeroPoints)];
  let finite = clamp(x[at] * inverse[channelOf(at, u.scales)], -4294967040.0, 4294967040.0);
  // NaN is the smallest.
  let steps = select(round(finite), -4294967040.0, isNan(x[at]));
  let up = min(u32(max(steps, 0.0)), u32(u.quantMax) - u32(zero));
  let down = min(u32(max(-steps, 0.0)), u32(zero) - u32(u.quantMin));
  return i32(u32(zero) + up - down);
}
`,
  ],
} as const;

const quantizeToBytes = program({
  ...quantizing,
  name: 'quantize to bytes',
  include: [...quantizing.include, bytes],
  main: `
  let at = 4u * index;
  if (at >= u.size) { return; }
  y[index] = packBytes(vec4i(quantized(at), quantized(at + 1u), quantized(at + 2u), quantized(at + 3u)));`,
});

const quantizeToInts = program({
  ...quantizing,
  name: 'quantize to int32',
  main: 'if (index < u.size) { y[index] = u32(quantized(index)); }',
});

/** Both know how many bits an element has, 8 or 32, and whether there is a sign. */
const dequantize = program({
  name: 'dequantize',
  inputs: { x: 'u32', scale: 'f32', zeroPoint: 'i32' },
  outputs: { y: 'f32' },
  uniforms: { ...channelUniforms, bits: 'u32', isSigned: 'u32' },
  workgroup: [64],
  include: [channelOf],
  main: `
  if (index >= u.size) { return; }
  let fill = 32u / u.bits;
  let word = x[index / fill] >> (index % fill * u.bits);
  let spare = 32u - u.bits;
  let q = select(i32((word << spare) >> spare), i32(word << spare) >> spare, u.isSigned != 0u);
  let zero = zeroPoint[channelOf(index, u.zeroPoints)];
  // The difference of two int32 has 33 bits.
  let distance = f32(select(u32(zero) - u32(q), u32(q) - u32(zero), q >= zero));
  y[index] = select(-distance, distance, q >= zero) * scale[channelOf(index, u.scales)];`,
});

export const quantize: KernelFamily<'quantize' | 'dequantize'> = (gpu) => ({
  quantize({ x, y }, { scale, zeroPoint, quantMin, quantMax }) {
    const [, channels, inner] = x.shape;
    const toInts = y.dtype === 'int32';
    gpu.run(
      toInts ? quantizeToInts : quantizeToBytes,
      { x, inverse: gpu.constant(scale.map((s) => 1 / s)), zeroPoint: gpu.constant(zeroPoint), y },
      {
        ...{ size: size(x), channels, inner, quantMin, quantMax },
        ...{ scales: scale.length, zeroPoints: zeroPoint.length },
      },
      Math.ceil(size(x) / (toInts ? 64 : 256)),
    );
  },

  dequantize({ x, y }, { scale, zeroPoint }) {
    const [, channels, inner] = x.shape;
    gpu.run(
      dequantize,
      { x, scale: gpu.constant(scale), zeroPoint: gpu.constant(zeroPoint), y },
      {
        ...{ size: size(x), channels, inner, scales: scale.length, zeroPoints: zeroPoint.length },
        ...{ bits: x.dtype === 'int32' ? 32 : 8, isSigned: x.dtype === 'uint8' ? 0 : 1 },
      },
      Math.ceil(size(x) / 64),
    );
  },
});
