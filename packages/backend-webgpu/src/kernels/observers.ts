import type { ChooseQparamsAttrs, KernelTable, KernelTensors } from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { channelPart, channelParts, channelUniforms, channelWorkgroup, elementAt } from '../wgsl/channels';
import { qparams } from '../wgsl/qparams';
import { reduce } from '../wgsl/reduce';
import { softFloat } from '../wgsl/soft-float';

const workgroup = 64;

// Numbers as integers of the same order, and NaN beyond the far end: minima and maxima are exact, and keep NaN.
const keys = /* wgsl */ `
fn keyOf(bits: u32, nan: u32) -> u32 {
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return nan; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) != 0u);
}
fn bitsOf(key: u32) -> u32 { return select(~key, key ^ 0x80000000u, (key >> 31u) != 0u); }
const lowNan = 0u;
const highNan = 0xffffffffu;
`;
const range = [keys, reduce('lowest', 'u32', 'min(a, b)'), reduce('highest', 'u32', 'max(a, b)')];

const rangeOfPart = program({
  name: 'observeMinMax: a part',
  inputs: { x: 'u32' },
  outputs: { ranges: 'u32' },
  uniforms: channelUniforms,
  workgroup: [channelWorkgroup],
  include: [elementAt, ...range],
  main: `${channelPart}
  var low = highNan;
  var high = lowNan;
  for (var i = first; i < end; i += groupSize) {
    let bits = x[elementAt(channel, i)];
    low = min(low, keyOf(bits, lowNan));
    high = max(high, keyOf(bits, highNan));
  }
  low = lowest(low, lane, 1u);
  high = highest(high, lane, 1u);
  if (lane == 0u) {
    ranges[2u * group] = low;
    ranges[2u * group + 1u] = high;
  }`,
});

const updateRange = program({
  name: 'observeMinMax',
  inputs: { ranges: 'u32' },
  outputs: { minVal: 'u32', maxVal: 'u32' },
  uniforms: { channels: 'u32', parts: 'u32', averaging: 'u32', constant: 'f32', nothing: 'u32' },
  workgroup: [workgroup],
  include: range,
  code: /* wgsl */ `
fn approach(average: u32, current: u32) -> u32 {
  let m = bitcast<f32>(average);
  let part = u.constant * (bitcast<f32>(current) - m);
  // Rounded before it is added: what goes through a number unknown to the compiler can't be fused.
  return bitcast<u32>(m + bitcast<f32>(bitcast<u32>(part) ^ u.nothing));
}
`,
  main: `
  if (group >= u.channels) { return; }
  var low = highNan;
  var high = lowNan;
  for (var i = lane; i < u.parts; i += groupSize) {
    let at = 2u * (group * u.parts + i);
    low = min(low, ranges[at]);
    high = max(high, ranges[at + 1u]);
  }
  low = lowest(low, lane, 1u);
  high = highest(high, lane, 1u);
  if (lane != 0u) { return; }
  let minBits = minVal[group];
  let maxBits = maxVal[group];
  if (u.averaging == 0u) {
    minVal[group] = bitsOf(min(keyOf(minBits, lowNan), low));
    maxVal[group] = bitsOf(max(keyOf(maxBits, highNan), high));
  } else if (minBits == 0x7f800000u && maxBits == 0xff800000u) {
    minVal[group] = bitsOf(low);
    maxVal[group] = bitsOf(high);
  } else {
    minVal[group] = approach(minBits, bitsOf(low));
    maxVal[group] = approach(maxBits, bitsOf(high));
  }`,
});

const qparamsProgram = <const U extends Record<string, 'f32' | 'i32'>>(
  name: string,
  uniforms: U,
  main: string,
) =>
  program({
    name,
    inputs: { minVal: 'f32', maxVal: 'f32' },
    outputs: { scale: 'f32', zeroPoint: 'i32' },
    uniforms: { channels: 'u32', quantMin: 'f32', quantMax: 'f32', symmetric: 'u32', ...uniforms },
    workgroup: [workgroup],
    include: [softFloat, qparams],
    main: `
  if (index >= u.channels) { return; }
  let low = minVal[index];
  let high = maxVal[index];
${main}
  scale[index] = q.scale;
  zeroPoint[index] = q.zeroPoint;`,
  });

const calculate = qparamsProgram(
  'calculateQparams',
  { eps: 'f32', symmetricZeroPoint: 'i32' },
  `
  var q: Qparams;
  if (u.symmetric != 0u) {
    q = Qparams(symmetricScale(low, high, u.quantMin, u.quantMax, u.eps), u.symmetricZeroPoint);
  } else {
    q = affineQparams(low, high, u.quantMin, u.quantMax, u.eps);
  }`,
);

const chosen = qparamsProgram(
  'chooseQparams',
  {},
  '  let q = chooseQparams(low, high, u.quantMin, u.quantMax, u.symmetric != 0u);',
);

/** observeMinMax of x, seen as `shape`. */
export function observe(
  gpu: Gpu,
  x: GpuBuffer,
  { minVal, maxVal }: { readonly [N in 'minVal' | 'maxVal']: GpuTensor },
  shape: readonly number[],
  averagingConstant: number | null,
): void {
  const plan = channelParts(shape);
  const { channels, parts } = plan;
  if (parts === 0) return;
  const ranges = gpu.scratch(8 * channels * parts);
  gpu.run(rangeOfPart, { x, ranges }, plan, channels * parts);
  const averaging = Number(averagingConstant !== null);
  const uniforms = { channels, parts, averaging, constant: averagingConstant ?? 0, nothing: 0 };
  gpu.run(updateRange, { ranges, minVal, maxVal }, uniforms, channels);
}

/** chooseQparams */
export function choose(
  gpu: Gpu,
  { minVal, maxVal, scale, zeroPoint }: KernelTensors<KernelTable['chooseQparams'], GpuTensor>,
  { quantMin, quantMax, symmetric }: ChooseQparamsAttrs,
): void {
  const channels = size(minVal);
  gpu.run(
    chosen,
    { minVal, maxVal, scale, zeroPoint },
    { channels, quantMin, quantMax, symmetric: Number(symmetric) },
    Math.ceil(channels / workgroup),
  );
}

export const observers: KernelFamily<'observeMinMax' | 'calculateQparams' | 'chooseQparams'> = (gpu) => ({
  observeMinMax: (t, { averagingConstant }) => observe(gpu, t.x.buffer, t, t.x.shape, averagingConstant),
  calculateQparams: ({ minVal, maxVal, scale, zeroPoint }, attrs) => {
    const { quantMin, quantMax, symmetric, symmetricZeroPoint, eps } = attrs;
    const channels = size(minVal);
    gpu.run(
      calculate,
      { minVal, maxVal, scale, zeroPoint },
      { channels, quantMin, quantMax, symmetric: Number(symmetric), eps, symmetricZeroPoint },
      Math.ceil(channels / workgroup),
    );
  },
  chooseQparams: (t, attrs) => choose(gpu, t, attrs),
});
