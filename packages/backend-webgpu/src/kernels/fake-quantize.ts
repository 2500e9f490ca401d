import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { channelPart, channelParts, channelUniforms, channelWorkgroup, elementAt } from '../wgsl/channels';
import { sumLanes } from '../wgsl/reduce';
import { softFloat } from '../wgsl/soft-float';
import { isNan } from '../wgsl/special';

const workgroup = 64;

/** How a zero point becomes an integer. */
const rounding = { none: 0, halfEven: 1, halfUp: 2 } as const;

// Per channel f32(1 / scale), scale, and the zero point moved to the bounds, as it would be added only to be subtracted.
const grids = program({
  name: 'fakeQuantize: grids',
  inputs: { scale: 'u32', zeroPoint: 'u32' },
  outputs: { grid: 'u32' },
  uniforms: { channels: 'u32', rounding: 'u32', quantMin: 'f32', quantMax: 'f32' },
  workgroup: [workgroup],
  include: [softFloat],
  main: `
  if (index >= u.channels) { return; }
  var zero = f32(bitcast<i32>(zeroPoint[index]));
  if (u.rounding != ${rounding.none}u) {
    let learned = bitcast<f32>(zeroPoint[index]);
    let even = u.rounding == ${rounding.halfEven}u;
    zero = clamp(select(learned + 0.5, round(learned), even), u.quantMin, u.quantMax);
    zero = trunc(zero);
  }
  grid[4u * index] = divBits(0x3f800000u, scale[index]);
  grid[4u * index + 1u] = scale[index];
  grid[4u * index + 2u] = bitcast<u32>(u.quantMin - zero);
  grid[4u * index + 3u] = bitcast<u32>(u.quantMax - zero);`,
});

// An invocation has four elements, a word of the mask.
const quantize = program({
  name: 'fakeQuantize',
  inputs: { x: 'f32', grid: 'f32' },
  outputs: { y: 'f32', mask: 'u32' },
  uniforms: { channels: 'u32', inner: 'u32', count: 'u32' },
  workgroup: [workgroup],
  include: [isNan],
  main: `
  if (4u * index >= u.count) { return; }
  var channel = 4u * index / u.inner % u.channels;
  var left = u.inner - 4u * index % u.inner;
  var word = 0u;
  for (var i = 0u; i < min(4u, u.count - 4u * index); i++) {
    let at = 4u * index + i;
    let value = x[at];
    let q = round(value * grid[4u * channel]);
    let bounded = clamp(q, grid[4u * channel + 2u], grid[4u * channel + 3u]);
    y[at] = select(bounded * grid[4u * channel + 1u], value, isNan(value));
    word |= select(0u, 1u << (8u * i), q == bounded && !isNan(value));
    left--;
    if (left == 0u) {
      left = u.inner;
      channel = (channel + 1u) % u.channels;
    }
  }
  mask[index] = word;`,
});

const backwardOfPart = program({
  name: 'learnableFakeQuantizeBackward: a part',
  inputs: { x: 'f32', grid: 'f32', gradY: 'f32' },
  outputs: { gradX: 'f32', sums: 'f32' },
  uniforms: channelUniforms,
  workgroup: [channelWorkgroup],
  include: [elementAt, sumLanes, isNan],
  main: `${channelPart}
  let inverse = grid[4u * channel];
  let scale = grid[4u * channel + 1u];
  let low = grid[4u * channel + 2u];
  let high = grid[4u * channel + 3u];
  var scaleSum = 0.0;
  var zeroSum = 0.0;
  for (var i = first; i < end; i += groupSize) {
    let at = elementAt(channel, i);
    let value = x[at];
    let upstream = gradY[at];
    let q = round(value * inverse);
    let bounded = clamp(q, low, high);
    let nan = isNan(value);
    let inside = !nan && q >= low && q <= high;
    gradX[at] = select(0.0, upstream, inside);
    scaleSum += upstream * select(select(bounded, value, nan), (q * scale - value) * inverse, inside);
    zeroSum -= select(upstream * scale, 0.0, inside);
  }
  scaleSum = sumLanes(scaleSum, lane, 1u);
  zeroSum = sumLanes(zeroSum, lane, 1u);
  if (lane == 0u) {
    sums[2u * group] = scaleSum;
    sums[2u * group + 1u] = zeroSum;
  }`,
});

const sumParts = program({
  name: 'learnableFakeQuantizeBackward',
  inputs: { sums: 'f32' },
  outputs: { gradScale: 'f32', gradZeroPoint: 'f32' },
  uniforms: { channels: 'u32', parts: 'u32', gradFactor: 'f32' },
  workgroup: [workgroup],
  include: [sumLanes],
  main: `
  if (group >= u.channels) { return; }
  var scaleSum = 0.0;
  var zeroSum = 0.0;
  for (var i = lane; i < u.parts; i += groupSize) {
    let at = 2u * (group * u.parts + i);
    scaleSum += sums[at];
    zeroSum += sums[at + 1u];
  }
  scaleSum = sumLanes(scaleSum, lane, 1u);
  zeroSum = sumLanes(zeroSum, lane, 1u);
  if (lane == 0u) {
    gradScale[group] = scaleSum * u.gradFactor;
    gradZeroPoint[group] = zeroSum * u.gradFactor;
  }`,
});

/** Four numbers per channel, as `grids` writes them. */
function gridOf(
  gpu: Gpu,
  scale: GpuTensor,
  zeroPoint: GpuTensor,
  { quantMin, quantMax }: { quantMin: number; quantMax: number },
  learned: number,
): GpuBuffer {
  const channels = size(scale);
  const grid = gpu.scratch(16 * channels);
  const uniforms = {
    channels,
    rounding: zeroPoint.dtype === 'int32' ? rounding.none : learned,
    quantMin,
    quantMax,
  };
  gpu.run(grids, { scale, zeroPoint, grid }, uniforms, Math.ceil(channels / workgroup));
  return grid;
}

/** fakeQuantize of x, seen as `shape`. */
export function simulate(
  gpu: Gpu,
  x: GpuBuffer,
  { scale, zeroPoint, y, mask }: { readonly [N in 'scale' | 'zeroPoint' | 'y' | 'mask']: GpuTensor },
  shape: readonly number[],
  attrs: { quantMin: number; quantMax: number },
): void {
  const [, channels, inner] = shape;
  const count = size({ shape });
  const grid = gridOf(gpu, scale, zeroPoint, attrs, rounding.halfEven);
  gpu.run(quantize, { x, grid, y, mask }, { channels, inner, count }, Math.ceil(count / (4 * workgroup)));
}

export const fakeQuantize: KernelFamily<'fakeQuantize' | 'learnableFakeQuantizeBackward'> = (gpu) => ({
  fakeQuantize: (t, attrs) => simulate(gpu, t.x.buffer, t, t.x.shape, attrs),
  learnableFakeQuantizeBackward: (t, attrs) => {
    const { x, gradY, gradX, gradScale, gradZeroPoint } = t;
    const plan = channelParts(x.shape);
    const { channels, parts } = plan;
    const grid = gridOf(gpu, t.scale, t.zeroPoint, attrs, rounding.halfUp);
    const sums = gpu.scratch(8 * channels * parts);
    gpu.run(backwardOfPart, { x, grid, gradY, gradX, sums }, plan, channels * parts);
    gpu.run(
      sumParts,
      { sums, gradScale, gradZeroPoint },
      { channels, parts, gradFactor: attrs.gradFactor },
      channels,
    );
  },
});
