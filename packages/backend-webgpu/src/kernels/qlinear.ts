import {
  type Conv2dAttrs,
  convGeometry,
  type KernelTable,
  numel,
  type PrepackingKernel,
  runKernel,
} from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { bytes } from '../wgsl/bytes';
import { softFloat } from '../wgsl/soft-float';
import { data } from './data';
import { observers } from './observers';
import { qconvolution } from './qconv2d';
import { freePacked, type PackedWeights, pack, qgemm, runQgemm } from './qgemm';

/** A linear layer is a convolution of images of one position. */
const onePosition: Conv2dAttrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };

const asImages = <T extends { shape: readonly number[] }>(t: T): T => ({
  ...t,
  shape: [t.shape[0], 1, 1, t.shape[1]],
});

/** f32(f32(f32(acc) · f32(S · weightScale)) + bias), by the scale and zero point that the GPU found for x. */
const qgemmToFloats = qgemm({
  name: 'int8 product to floats',
  inputs: { xScale: 'f32', xZeroPoint: 'i32' },
  outputs: { y: 'f32' },
  uniforms: {},
  padding: `(u32(xZeroPoint[0] ^ 128) * 0x01010101u)`,
  code: `
fn emit(section: u32, row: u32, column: u32, sums: vec4i, total: i32) {
  let at = 4u * (section * u.columns + column);
  let acc = sums + (128 - xZeroPoint[0]) * channels[at] - channels[at + 1u] * total;
  let multiplier = xScale[0] * bitcast<vec4f>(channels[at + 2u]);
  let result = vec4f(acc) * multiplier + bitcast<vec4f>(channels[at + 3u]);
  let outputs = u32(u.groupOut);
  let to = row * u32(u.outChannels) + section * outputs + 4u * column;
  for (var i = 0u; i < min(4u, outputs - 4u * column); i++) { y[to + i] = result[i]; }
}`,
});

const invert = program({
  name: 'reciprocal of a scale',
  inputs: { scale: 'f32' },
  outputs: { inverse: 'f32' },
  uniforms: {},
  workgroup: [1],
  include: [softFloat],
  main: 'if (index == 0u) { inverse[0] = divExact(1.0, scale[0]); }',
});

/** Rows of x to rows of whole words. */
const quantizeRows = program({
  name: 'qlinearDynamic, quantizing x',
  inputs: { x: 'f32', inverse: 'f32', zeroPoint: 'i32' },
  outputs: { q: 'u32' },
  uniforms: { words: 'u32', columns: 'u32', length: 'u32', quantMax: 'f32' },
  workgroup: [64],
  include: [bytes],
  main: `
  if (index >= u.words) { return; }
  let zero = f32(zeroPoint[0]);
  let at = index / u.columns * u.length + 4u * (index % u.columns);
  // Past the end of the row: any number does, their weights are 0.
  let four = vec4f(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
  q[index] = packBytes(vec4i(clamp(round(four * inverse[0]) + zero, vec4f(0.0), vec4f(u.quantMax))));`,
});

/** x [..., length] as 0..quantMax in rows of whole words, with scale and zero point by its own minimum and maximum, 0 included. */
function quantizeByRange(gpu: Gpu, x: GpuTensor, quantMax: number) {
  const { fill } = data(gpu);
  const { observeMinMax, chooseQparams } = observers(gpu);
  const one = (dtype: 'float32' | 'int32'): GpuTensor => ({ buffer: gpu.scratch(4), dtype, shape: [1] });
  const [minVal, maxVal, scale, inverse] = Array.from({ length: 4 }, () => one('float32'));
  const zeroPoint = one('int32');
  for (const y of [minVal, maxVal]) runKernel(fill, { y }, { value: 0 });
  const all = { ...x, shape: [1, 1, size(x)] };
  runKernel(observeMinMax, { x: all, minVal, maxVal }, { averagingConstant: null });
  const range = { quantMin: 0, quantMax, symmetric: false };
  runKernel(chooseQparams, { minVal, maxVal, scale, zeroPoint }, range);
  gpu.run(invert, { scale, inverse }, {}, 1);

  const length = x.shape[x.shape.length - 1];
  const rows = numel(x.shape.slice(0, -1));
  const columns = Math.ceil(length / 4);
  const words = rows * columns;
  const q = gpu.scratch(4 * words);
  const uniforms = { words, columns, length, quantMax };
  gpu.run(quantizeRows, { x, inverse, zeroPoint, q }, uniforms, Math.ceil(words / 64));
  return { q, rowBytes: 4 * columns, scale, zeroPoint };
}

/** qconv2dDynamic, which qlinearDynamic is made of as well. */
const dynamicConvolution = (gpu: Gpu) =>
  ({
    prepack({ weight, bias }, { groups, weightScale, weightZeroPoint }) {
      const attrs = { groups, narrow: false, share: 1, zeroPoint: weightZeroPoint };
      return pack(gpu, weight, bias, { ...attrs, multiplier: weightScale });
    },
    run({ x, weight, y }, attrs, packed) {
      const { q, rowBytes, scale, zeroPoint } = quantizeByRange(gpu, x, attrs.reduceRange ? 127 : 255);
      // Pixels of q are whole words.
      const g = { ...convGeometry(x, weight, y, attrs), inChannels: rowBytes };
      const buffers = { x: q, xScale: scale, xZeroPoint: zeroPoint, y };
      runQgemm(gpu, qgemmToFloats, packed, buffers, {}, { ...g, xZeroPoint: 0 });
    },
    free: (packed) => freePacked(gpu, packed),
  }) satisfies PrepackingKernel<KernelTable['qconv2dDynamic'], GpuBuffer, PackedWeights>;

export const qlinear: KernelFamily<'qlinear' | 'qlinearDynamic' | 'qconv2dDynamic'> = (gpu) => {
  const qconv2d = qconvolution(gpu);
  const qconv2dDynamic = dynamicConvolution(gpu);
  return {
    qlinear: {
      prepack: ({ weight, bias }, attrs) =>
        qconv2d.prepack({ weight: asImages(weight), bias }, { ...attrs, ...onePosition }),
      run({ x, weight, y }, attrs, packed: PackedWeights) {
        const images = { x: asImages(x), weight: asImages(weight), y: asImages(y) };
        qconv2d.run(images, { ...attrs, ...onePosition }, packed);
      },
      free: qconv2d.free,
    },

    qlinearDynamic: {
      prepack: ({ weight, bias }, attrs) =>
        qconv2dDynamic.prepack({ weight: asImages(weight), bias }, { ...attrs, ...onePosition }),
      run({ x, weight, y }, attrs, packed: PackedWeights) {
        const images = { x: asImages(x), weight: asImages(weight), y: asImages(y) };
        qconv2dDynamic.run(images, { ...attrs, ...onePosition }, packed);
      },
      free: qconv2dDynamic.free,
    },

    qconv2dDynamic,
  };
};
