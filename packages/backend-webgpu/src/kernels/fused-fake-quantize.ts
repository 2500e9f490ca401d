import { type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { channelPart, channelParts, channelUniforms, channelWorkgroup, elementAt } from '../wgsl/channels';
import { sumLanes } from '../wgsl/reduce';
import { asNan, isNan } from '../wgsl/special';
import { simulate } from './fake-quantize';
import { choose, observe } from './observers';

const workgroup = 64;

// By its bits: a NaN isn't small, and a compiler may take it that there are none.
const vanishing = /* wgsl */ `
fn vanishes(factor: f32) -> bool { return (bitcast<u32>(factor) & 0x7fffffffu) < 0x30800000u; }
`;

const fold = program({
  name: 'fusedMovingAvgObsFakeQuant: factors',
  inputs: { weight: 'f32', variance: 'f32' },
  outputs: { factor: 'f32' },
  uniforms: { channels: 'u32', eps: 'f32' },
  workgroup: [workgroup],
  include: [isNan, asNan],
  main: `
  if (index >= u.channels) { return; }
  let w = weight[index];
  let v = variance[index] + u.eps;
  let s = select(w / sqrt(v), w, isNan(w));
  factor[index] = select(s, asNan(v), isNan(v) || v < 0.0);`,
});

const scale = program({
  name: 'fusedMovingAvgObsFakeQuant: x · factor',
  inputs: { x: 'f32', factor: 'f32' },
  outputs: { scaled: 'f32' },
  uniforms: { channels: 'u32', inner: 'u32', count: 'u32' },
  workgroup: [workgroup],
  include: [isNan, asNan],
  main: `
  if (index >= u.count) { return; }
  let s = factor[index / u.inner % u.channels];
  let product = x[index] * s;
  scaled[index] = select(product, asNan(s), isNan(s));`,
});

// An invocation has four elements, a word of the mask.
const unscale = program({
  name: 'fusedMovingAvgObsFakeQuant: y / factor',
  inputs: { x: 'f32', factor: 'f32' },
  outputs: { y: 'f32', mask: 'u32' },
  uniforms: { channels: 'u32', inner: 'u32', count: 'u32' },
  workgroup: [workgroup],
  include: [vanishing],
  main: `
  if (4u * index >= u.count) { return; }
  var word = mask[index];
  for (var i = 0u; i < min(4u, u.count - 4u * index); i++) {
    let at = 4u * index + i;
    let s = factor[at / u.inner % u.channels];
    if (vanishes(s)) {
      y[at] = x[at];
      word &= ~(255u << (8u * i));
    } else {
      y[at] = y[at] / s;
    }
  }
  mask[index] = word;`,
});

const backwardOfPart = program({
  name: 'fusedMovingAvgObsFakeQuantBackward: a part',
  inputs: { x: 'f32', y: 'f32', mask: 'u32', gradY: 'f32' },
  outputs: { gradX: 'f32', sums: 'f32' },
  uniforms: channelUniforms,
  workgroup: [channelWorkgroup],
  include: [elementAt, sumLanes],
  main: `${channelPart}
  var sum = 0.0;
  for (var i = first; i < end; i += groupSize) {
    let at = elementAt(channel, i);
    let inside = ((mask[at >> 2u] >> (8u * (at & 3u))) & 255u) != 0u;
    gradX[at] = select(0.0, gradY[at], inside);
    sum += gradY[at] * (select(0.0, x[at], inside) - y[at]);
  }
  sum = sumLanes(sum, lane, 1u);
  if (lane == 0u) { sums[group] = sum; }`,
});

const sumParts = program({
  name: 'fusedMovingAvgObsFakeQuantBackward',
  inputs: { sums: 'f32', weight: 'f32', factor: 'f32' },
  outputs: { gradWeight: 'f32' },
  uniforms: { channels: 'u32', parts: 'u32' },
  workgroup: [workgroup],
  include: [sumLanes, isNan, vanishing],
  main: `
  if (group >= u.channels) { return; }
  var sum = 0.0;
  for (var i = lane; i < u.parts; i += groupSize) { sum += sums[group * u.parts + i]; }
  sum = sumLanes(sum, lane, 1u);
  if (lane == 0u) {
    let w = weight[group];
    gradWeight[group] = select(select(sum / w, w, isNan(w)), 0.0, vanishes(factor[group]));
  }`,
});

export const fusedFakeQuantize: KernelFamily<
  'fusedMovingAvgObsFakeQuant' | 'fusedMovingAvgObsFakeQuantBackward'
> = (gpu) => ({
  fusedMovingAvgObsFakeQuant: (t, attrs) => {
    const { weight, variance, factor, y, mask } = t;
    const [, channels, inner] = t.x.shape;
    const count = size(t.x);
    const shape = size(t.scale) === 1 ? [1, 1, count] : t.x.shape;
    const rows = { channels, inner, count };
    if (weight && variance && factor) {
      const uniforms = { channels, eps: attrs.eps };
      gpu.run(fold, { weight, variance, factor }, uniforms, Math.ceil(channels / workgroup));
    }
    if (count === 0) return;
    const x = factor ? gpu.scratch(4 * count) : t.x.buffer;
    if (factor) {
      gpu.run(scale, { x: t.x, factor, scaled: x }, rows, Math.ceil(count / workgroup));
    }
    if (attrs.averagingConstant !== null) {
      observe(gpu, x, t, shape, attrs.averagingConstant);
      choose(gpu, t, attrs);
    }
    simulate(gpu, x, t, shape, attrs);
    if (factor) gpu.run(unscale, { x: t.x, factor, y, mask }, rows, Math.ceil(count / (4 * workgroup)));
  },
  fusedMovingAvgObsFakeQuantBackward: ({ x, y, mask, weight, factor, gradY, gradX, gradWeight }) => {
    const plan = channelParts(x.shape);
    const { channels, parts } = plan;
    const sums = gpu.scratch(4 * channels * parts);
    gpu.run(backwardOfPart, { x, y, mask, gradY, gradX, sums }, plan, channels * parts);
    gpu.run(sumParts, { sums, weight, factor, gradWeight }, { channels, parts }, channels);
  },
});
