import type { ResampleAttrs } from '@octet/backend';
import type { Gpu } from '../gpu';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { bytes, flip, fourBytes, inRows } from '../wgsl/bytes';

const uniforms = {
  inHeight: 'u32',
  inWidth: 'u32',
  channels: 'u32',
  outHeight: 'u32',
  outWidth: 'u32',
  rowTaps: 'u32',
  columnTaps: 'u32',
  size: 'u32',
  columns: 'u32',
} as const;

const inputs = { rows: 'i32', rowWeights: 'f32', columnIndex: 'i32', columnWeights: 'f32' } as const;

/** The sum of the taps of an output position; `load` gives what is at (row, column) of x. */
const sumOf = (type: string, load: string, product: string) => /* wgsl */ `
  let position = index / u.columns;
  let ow = position % u.outWidth;
  let oh = position / u.outWidth % u.outHeight;
  let image = position / u.outWidth / u.outHeight * u.inHeight;
  var sum = ${type}();
  for (var i = oh * u.rowTaps; i < (oh + 1u) * u.rowTaps; i++) {
    let down = rowWeights[i];
    if (down == 0.0) { continue; }
    let row = (image + u32(rows[i])) * u.inWidth;
    var inRow = ${type}();
    for (var j = ow * u.columnTaps; j < (ow + 1u) * u.columnTaps; j++) {
      let right = columnWeights[j];
      if (right == 0.0) { continue; }
      let at = (row + u32(columnIndex[j])) * u.channels;
      inRow += ${product.replace('WEIGHT', 'right').replace('VALUE', load)};
    }
    sum += ${product.replace('WEIGHT', 'down').replace('VALUE', 'inRow')};
  }`;

const floats = program({
  name: 'resample2d',
  inputs: { x: 'f32', ...inputs },
  outputs: { y: 'f32' },
  uniforms,
  workgroup: [64],
  main: `
  if (index >= u.size) { return; }
${sumOf('f32', 'x[at + index % u.columns]', 'WEIGHT * VALUE')}
  y[index] = sum;`,
});

// Four channels of a position an invocation. What is rounded must be so in every step: bits that a uniform might have changed keep a
// product and a sum from becoming one operation.
const integers = program({
  name: 'qresample2d',
  inputs: { x: 'u32', ...inputs },
  outputs: { y: 'u32' },
  uniforms: { ...uniforms, flip: 'u32', offset: 'f32', nothing: 'u32' },
  workgroup: [64],
  include: [
    bytes,
    fourBytes('x'),
    /* wgsl */ `
fn fourChannels(at: u32) -> vec4f { return vec4f(unsignedBytes(xFour(at) ^ u.flip)) - u.offset; }
fn rounded(product: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(product) ^ vec4u(u.nothing)); }
`,
  ],
  main: `
  if (index >= u.size) { return; }
${sumOf('vec4f', 'fourChannels(at + 4u * (index % u.columns))', 'rounded(WEIGHT * VALUE)')}
  let q = round(rounded(sum)) + u.offset;
  y[index] = packBytes(vec4i(clamp(q, vec4f(0.0), vec4f(255.0)))) ^ u.flip;`,
});

/** What both are told. */
function shared(gpu: Gpu, x: GpuTensor, y: GpuTensor, attrs: ResampleAttrs) {
  const [, inHeight, inWidth, channels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  const { rowIndex, rowWeight, columnIndex, columnWeight } = attrs;
  return {
    bound: {
      x,
      rows: gpu.constant(rowIndex),
      rowWeights: gpu.constant(rowWeight),
      columnIndex: gpu.constant(columnIndex),
      columnWeights: gpu.constant(columnWeight),
    },
    sizes: {
      ...{ inHeight, inWidth, channels, outHeight, outWidth },
      rowTaps: rowIndex.length / outHeight,
      columnTaps: columnIndex.length / outWidth,
    },
  };
}

export const resample: KernelFamily<'resample2d' | 'qresample2d'> = (gpu) => ({
  resample2d({ x, y }, attrs) {
    const { bound, sizes } = shared(gpu, x, y, attrs);
    const count = size(y);
    const all = { ...sizes, size: count, columns: y.shape[3] };
    gpu.run(floats, { ...bound, y }, all, Math.ceil(count / 64));
  },

  qresample2d({ x, y }, attrs) {
    const { bound, sizes } = shared(gpu, x, y, attrs);
    const [batch, outHeight, outWidth, channels] = y.shape;
    const signed = x.dtype === 'int8';
    inRows(gpu, y, batch * outHeight * outWidth, channels, (to, columns) => {
      const words = batch * outHeight * outWidth * columns;
      const all = { ...sizes, size: words, columns, flip: signed ? flip : 0 };
      const numbers = { offset: signed ? 128 : 0, nothing: 0 };
      gpu.run(integers, { ...bound, y: to }, { ...all, ...numbers }, Math.ceil(words / 64));
    });
  },
});
