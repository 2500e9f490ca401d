import { convGeometry, type KernelTable, type PrepackingKernel } from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import type { KernelFamily } from '../kernel';
import { program } from '../program';
import { bytes, fourBytes, inRows, requantize, requantizeBounds, requantizeUniforms } from '../wgsl/bytes';
import { isNarrow, outputAt, windowUniforms } from './conv2d';
import { freePacked, type PackedWeights, pack, qgemm, runQgemm } from './qgemm';

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

const narrow = program({
  name: 'qconv2d, narrow groups',
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
  include: [bytes, fourBytes('x'), outputAt, requantize],
  code: `
fn xByte(at: i32) -> u32 { return (x[at >> 2u] >> (8u * u32(at & 3))) & 255u; }
fn product(row: i32, w: i32, channel: vec4i, weight: vec4i) -> vec4i {
  if (w < 0 || w >= u.inWidth) { return vec4i(); }
  let at = channel + (row * u.inWidth + w) * u.inChannels;
  var four = 0u;
  if (u.groupIn * u.groupOut == 1) { four = xFour(u32(at.x)); }
  else { four = xByte(at.x) | (xByte(at.y) << 8u) | (xByte(at.z) << 16u) | (xByte(at.w) << 24u); }
  return (unsignedBytes(four) - u.xZero) * weight;
}`,
  // Four channels of a strip of positions.
  main: `
  if (index >= u.size) { return; }
  let column = i32(index % u.columns);
  let line = i32(index / u.columns / u.strips);
  let first = i32(index / u.columns % u.strips) * ${strip};
  let window = outputAt(0, line * u.outWidth + first);
  let channel = (4 * column + vec4i(0, 1, 2, 3)) / u.groupOut * u.groupIn;
  let zero = channels[4 * column + 1];
${outputs((i) => `  var sums${i} = channels[4 * column];`)}
  for (var down = 0; down < u.kernelHeight; down++) {
    let h = window.y + down * u.dilationHeight;
    if (h < 0 || h >= u.inHeight) { continue; }
    for (var right = 0; right < u.kernelWidth; right++) {
      let w = window.z + right * u.dilationWidth;
      for (var i = 0; i < u.groupIn; i++) {
        let tap = (down * u.kernelWidth + right) * u.groupIn + i;
        let weight = signedBytes(weights[tap * i32(u.columns) + column]) - zero;
${outputs((i) => `        sums${i} += product(window.x + h, w + ${i} * u.strideWidth, channel + i, weight);`)}
      }
    }
  }
  let multiplier = bitcast<vec4f>(channels[4 * column + 2]);
  let at = line * u.outWidth + first;
${outputs((i) => `  if (first + ${i} < u.outWidth) { y[(at + ${i}) * i32(u.columns) + column] = requantize(sums${i}, multiplier); }`)}`,
});

/** @returns qconv2d, which qlinear is made of as well */
export const qconvolution = (gpu: Gpu) =>
  ({
    prepack({ weight, bias }, { groups, xZeroPoint, weightZeroPoint, multiplier }) {
      const [outputs, , , groupIn] = weight.shape;
      const narrow = isNarrow({ groups, groupIn, groupOut: outputs / groups });
      const share = 128 - xZeroPoint;
      return pack(gpu, weight, bias, { groups, narrow, share, zeroPoint: weightZeroPoint, multiplier });
    },
    run({ x, weight, y }, attrs, packed) {
      const { groups, xZeroPoint } = attrs;
      const g = convGeometry(x, weight, y, attrs);
      const { batch, outHeight, outWidth, outChannels, rows } = g;
      const bounds = requantizeBounds(attrs);
      if (packed.narrow) {
        inRows(gpu, y, rows, outChannels, (to, columns) => {
          const strips = Math.ceil(outWidth / strip);
          const size = batch * outHeight * strips * columns;
          const { weights, channels } = packed;
          gpu.run(
            narrow,
            { x, weights, channels, y: to },
            { ...g, ...bounds, size, strips, columns, xZero: xZeroPoint },
            Math.ceil(size / 64),
          );
        });
        return;
      }
      inRows(gpu, y, rows * groups, g.groupOut, (to, columns) =>
        runQgemm(
          gpu,
          qgemmToBytes,
          packed,
          { x, y: to },
          { ...bounds, rowColumns: groups * columns },
          { ...g, xZeroPoint },
        ),
      );
    },
    free: (packed) => freePacked(gpu, packed),
  }) satisfies PrepackingKernel<KernelTable['qconv2d'], GpuBuffer, PackedWeights>;

export const qconv2d: KernelFamily<'qconv2d'> = (gpu) => ({ qconv2d: qconvolution(gpu) });
