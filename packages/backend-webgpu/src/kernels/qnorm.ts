import { type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { bytes } from '../wgsl/bytes';
import { reduce } from '../wgsl/reduce';

const addLanes = reduce('addLanes', 'vec2f', 'a + b');

/** Mean and s of each sample and group; a workgroup for each. Each lane's sums are whole numbers. */
const statistics = program({
  name: 'qgroupNorm, statistics',
  inputs: { x: 'u32' },
  outputs: { numbers: 'f32' },
  uniforms: {
    sets: 'u32',
    groups: 'u32',
    length: 'u32',
    channels: 'u32',
    width: 'u32',
    eps: 'f32',
    scale: 'f32',
  },
  workgroup: [64],
  include: [addLanes],
  main: `
  if (group >= u.sets) { return; }
  let start = group / u.groups * u.length * u.channels + group % u.groups * u.width;
  let count = u.length * u.width;
  // Around the middle of the bytes, so that squares stay small.
  var sums = vec2f();
  for (var i = lane; i < count; i += groupSize) {
    let at = start + i / u.width * u.channels + i % u.width;
    let v = f32((x[at >> 2u] >> (8u * (at & 3u))) & 255u) - 128.0;
    sums += vec2f(v, v * v);
  }
  sums = addLanes(sums, lane, 1u) / f32(count);
  if (lane == 0u) {
    let variance = max(sums.y - sums.x * sums.x, 0.0);
    numbers[2u * group] = sums.x + 128.0;
    numbers[2u * group + 1u] = u.scale / sqrt(variance * u.scale * u.scale + u.eps);
  }`,
});

const apply = program({
  name: 'qgroupNorm',
  inputs: { x: 'u32', weight: 'f32', bias: 'f32', numbers: 'f32' },
  outputs: { y: 'u32' },
  uniforms: {
    ...{ words: 'u32', size: 'u32', groups: 'u32', length: 'u32', channels: 'u32', width: 'u32' },
    ...{ inverse: 'f32', yZero: 'f32' },
  },
  workgroup: [64],
  include: [bytes],
  main: `
  if (index >= u.words) { return; }
  let four = unsignedBytes(x[index]);
  var found = vec4i();
  for (var i = 0u; i < 4u; i++) {
    let at = min(4u * index + i, u.size - 1u);
    let channel = at % u.channels;
    let place = 2u * (at / (u.length * u.channels) * u.groups + channel / u.width);
    let normal = (f32(four[i]) - numbers[place]) * (numbers[place + 1u] * weight[channel]) + bias[channel];
    found[i] = i32(clamp(round(normal * u.inverse) + u.yZero, 0.0, 255.0));
  }
  y[index] = packBytes(found);`,
});

export const qnorm: KernelFamily<'qgroupNorm'> = (gpu) => ({
  qgroupNorm({ x, weight, bias, y }, { groups, eps, scale, inverse, yZeroPoint }) {
    const [samples, length, channels] = x.shape;
    const total = size(x);
    if (total === 0) return;
    const sets = samples * groups;
    const numbers = gpu.scratch(8 * sets);
    const shape = { groups, length, channels, width: channels / groups };
    gpu.run(statistics, { x, numbers }, { ...shape, sets, eps, scale }, sets);
    const words = Math.ceil(total / 4);
    const uniforms = { ...shape, words, size: total, inverse, yZero: yZeroPoint };
    gpu.run(apply, { x, weight, bias, numbers, y }, uniforms, Math.ceil(words / 64));
  },
});
