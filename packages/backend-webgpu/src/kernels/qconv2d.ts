import type { Conv2dAttrs } from '@octet/backend';
import type { Gpu } from '../gpu';
import type { GpuTensor, KernelFamily } from '../kernel';
import { program } from '../program';
import { bytes, fourBytes, inRows, requantize, requantizeBounds, requantizeUniforms } from '../wgsl/bytes';
import {
  freePacked,
  isDepthwise,
  type PackedWeights,
  pack,
  qgemm,
  runQgemm,
  type WindowSizes,
  windowUniforms,
} from '../wgsl/qgemm';

/** Sums to uint8. */
export const qgemmToBytes = qgemm({
  name: 'int8 product to bytes',
  inputs: {},
  outputs: { y: 'u32' },
  uniforms: { ...requantizeUniforms, rowColumns: 'u32' },
  include: [requantize],
  code: `
fn emit(section: u32, row: u32, column: u32, sums: vec4i, total: i32) {
  let at = section * u.columns + column;
  let acc = sums + channels[4u * at] - channels[4u * at + 1u] * total;
  y[row * u.rowColumns + at] = requantize(acc, bitcast<vec4f>(channels[4u * at + 2u]));
}`,
});

/** Neighbours in a row that an invocation computes: they share their weights. */
const strip = 4;
const outputs = (line: (i: number) => string) => Array.from({ length: strip }, (_, i) => line(i)).join('\n');

const depthwise = program({
  name: 'qconv2d, depthwise',
  inputs: { x: 'u32', weights: 'u32', channels: 'vec4i' },
  outputs: { y: 'u32' },
  uniforms: {
    ...windowUniforms,
    ...requantizeUniforms,
    size: 'u32',
    strips: 'u32',
    columns: 'u32',
    xZero: 'i32',
  },
  workgroup: [64],
  include: [bytes, fourBytes('x'), requantize],
  code: `
fn product(row: u32, column: i32, at: u32, weight: vec4i) -> vec4i {
  if (u32(column) >= u.inWidth) { return vec4i(); }
  return (unsignedBytes(xFour((row * u.inWidth + u32(column)) * u.inChannels + at)) - u.xZero) * weight;
}`,
  // Four channels of a strip of positions.
  main: `
  if (index >= u.size) { return; }
  let column = index % u.columns;
  let line = index / u.columns / u.strips;
  let first = index / u.columns % u.strips * ${strip}u;
  let image = line / u.outHeight * u.inHeight;
  let top = i32(line % u.outHeight * u.strideHeight) - i32(u.padHeight);
  let left = i32(first * u.strideWidth) - i32(u.padWidth);
  let stride = i32(u.strideWidth);
  let zero = channels[4u * column + 1u];
${outputs((i) => `  var sums${i} = channels[4u * column];`)}
  for (var down = 0u; down < u.kernelHeight; down++) {
    let h = top + i32(down * u.dilationHeight);
    if (u32(h) >= u.inHeight) { continue; }
    for (var right = 0u; right < u.kernelWidth; right++) {
      let weight = signedBytes(weights[(down * u.kernelWidth + right) * u.columns + column]) - zero;
      let w = left + i32(right * u.dilationWidth);
${outputs((i) => `      sums${i} += product(image + u32(h), w + ${i} * stride, 4u * column, weight);`)}
    }
  }
  let multiplier = bitcast<vec4f>(channels[4u * column + 2u]);
  let at = line * u.outWidth + first;
${outputs((i) => `  if (first + ${i}u < u.outWidth) { y[(at + ${i}u) * u.columns + column] = requantize(sums${i}, multiplier); }`)}`,
});

function windowSizes(
  x: GpuTensor,
  weight: GpuTensor,
  y: GpuTensor,
  { stride, padding, dilation }: Conv2dAttrs,
): WindowSizes {
  const [, inHeight, inWidth, inChannels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  const [, kernelHeight, kernelWidth] = weight.shape;
  return {
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    kernelHeight,
    kernelWidth,
    strideHeight: stride[0],
    strideWidth: stride[1],
    padHeight: padding[0],
    padWidth: padding[1],
    dilationHeight: dilation[0],
    dilationWidth: dilation[1],
  };
}

export const qconv2d: KernelFamily<'qconv2d'> = (gpu: Gpu) => ({
  qconv2d: {
    prepack({ weight, bias }, { groups, xZeroPoint, weightZeroPoint, multiplier }) {
      const attrs = { groups, share: 128 - xZeroPoint, zeroPoint: weightZeroPoint, multiplier };
      return pack(gpu, weight, bias, attrs);
    },
    run({ x, weight, y }, attrs, packed: PackedWeights) {
      const { groups, xZeroPoint } = attrs;
      const [batch, outHeight, outWidth, outChannels] = y.shape;
      const rows = batch * outHeight * outWidth;
      const window = windowSizes(x, weight, y, attrs);
      const bounds = requantizeBounds(attrs);
      if (isDepthwise(weight.shape, groups)) {
        inRows(gpu, y, rows, outChannels, (to, columns) => {
          const strips = Math.ceil(outWidth / strip);
          const size = batch * outHeight * strips * columns;
          const { weights, channels } = packed;
          gpu.run(
            depthwise,
            { x, weights, channels, y: to },
            { ...window, ...bounds, size, strips, columns, xZero: xZeroPoint },
            Math.ceil(size / 64),
          );
        });
        return;
      }
      const groupOut = outChannels / groups;
      inRows(gpu, y, rows * groups, groupOut, (to, columns) =>
        runQgemm(
          gpu,
          qgemmToBytes,
          packed,
          { x, y: to },
          { ...bounds, rowColumns: groups * columns },
          { ...window, rows, groups, groupOut, groupIn: weight.shape[3], xZeroPoint },
        ),
      );
    },
    free: (packed: PackedWeights) => freePacked(gpu, packed),
  },
});
