import type { GroupedIntegers } from '@octet/backend';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { sumLanes } from '../wgsl/reduce';
import { multiply } from './matmul';

const uniforms = {
  columns: 'u32',
  width: 'u32',
  groups: 'u32',
  groupSize: 'u32',
  bits: 'u32',
  signed: 'u32',
  zeros: 'u32',
  middle: 'f32',
} as const;

const inputs = { weight: 'u32', scale: 'f32', zeroPoint: 'f32' } as const;

/** The number of a row and a column. */
const numberAt = /* wgsl */ `
fn numberAt(row: u32, column: u32) -> f32 {
  var at = row * u.width;
  var code = 0u;
  if (u.bits == 4u) {
    at += column >> 1u;
    code = (weight[at >> 2u] >> (8u * (at & 3u) + 4u * (column & 1u))) & 15u;
  } else {
    at += column;
    code = (weight[at >> 2u] >> (8u * (at & 3u))) & 255u;
  }
  var integer = f32(code);
  if (u.signed == 1u && code > 127u) { integer -= 256.0; }
  let group = row * u.groups + column / u.groupSize;
  var zero = u.middle;
  if (u.zeros == 1u) { zero = zeroPoint[group]; }
  return (integer - zero) * scale[group];
}
`;

/** One output for all rows of x, which are few: a workgroup each. */
const dot = program({
  name: 'qlinearWeightOnly, few rows',
  inputs: { ...inputs, x: 'f32', bias: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { ...uniforms, rows: 'u32', outputs: 'u32', biased: 'u32' },
  workgroup: [64],
  include: [sumLanes],
  code: numberAt,
  main: `
  if (group >= u.outputs) { return; }
  var sums = vec4f();
  for (var j = lane; j < u.columns; j += groupSize) {
    let w = numberAt(group, j);
    for (var row = 0u; row < u.rows; row++) { sums[row] += w * x[row * u.columns + j]; }
  }
  for (var row = 0u; row < u.rows; row++) {
    let total = sumLanes(sums[row], lane, 1u);
    if (lane == 0u) {
      var start = 0.0;
      if (u.biased == 1u) { start = bias[group]; }
      y[row * u.outputs + group] = start + total;
    }
  }`,
});

/** All numbers of the weight. */
const spread = program({
  name: 'qlinearWeightOnly, the weight',
  inputs,
  outputs: { y: 'f32' },
  uniforms: { ...uniforms, count: 'u32' },
  workgroup: [64],
  code: numberAt,
  main: `
  if (index >= u.count) { return; }
  y[index] = numberAt(index / u.columns, index % u.columns);`,
});

const gather = program({
  name: 'qembedding',
  inputs: { ...inputs, rows: 'i32' },
  outputs: { y: 'f32' },
  uniforms: { ...uniforms, count: 'u32', vocabulary: 'u32', nan: 'f32' },
  workgroup: [64],
  code: numberAt,
  main: `
  if (index >= u.count) { return; }
  let row = u32(rows[index / u.columns]);
  var value = u.nan;
  if (row < u.vocabulary) { value = numberAt(row, index % u.columns); }
  y[index] = value;`,
});

interface Grouped {
  readonly weight: GpuTensor;
  readonly scale: GpuTensor;
  readonly zeroPoint?: GpuTensor | undefined;
}

/** Buffers and uniforms of grouped integers; something must be bound where there are no zero points. */
function groupedOf(
  { weight, scale, zeroPoint }: Grouped,
  { bits, groupSize }: GroupedIntegers,
  columns: number,
) {
  const signed = weight.dtype === 'int8' ? 1 : 0;
  return {
    buffers: { weight, scale, zeroPoint: zeroPoint ?? scale },
    numbers: {
      ...{ columns, width: weight.shape[1], groups: scale.shape[1], groupSize, bits, signed },
      ...{ zeros: zeroPoint ? 1 : 0, middle: bits === 4 ? 8 : signed ? 0 : 128 },
    },
  };
}

/** As many as the sums of `dot`. */
const fewRows = 4;

/** An index that is no row gives NaN: it stays on the GPU, so that no error can be thrown. */
export const groupedIntegers: KernelFamily<'qlinearWeightOnly' | 'qembedding'> = (gpu) => ({
  qlinearWeightOnly(t, attrs) {
    const { x, bias, y } = t;
    const [rows, depth] = x.shape;
    const outputs = y.shape[1];
    const { buffers, numbers } = groupedOf(t, attrs, depth);
    if (rows === 0) return;
    if (rows <= fewRows) {
      const given = { ...numbers, rows, outputs, biased: bias ? 1 : 0 };
      gpu.run(dot, { ...buffers, x, bias: bias ?? x, y }, given, outputs);
      return;
    }
    const count = outputs * depth;
    const weight = gpu.scratch(4 * count);
    gpu.run(spread, { ...buffers, y: weight }, { ...numbers, count }, Math.ceil(count / 64));
    const strides = { batch: 0, line: depth, depth: 1 };
    multiply(gpu, { a: x, b: weight, bias, y }, strides, strides, {
      batches: 1,
      rows,
      columns: outputs,
      depth,
    });
  },

  qembedding(t, attrs) {
    const { index, y } = t;
    const { buffers, numbers } = groupedOf(t, attrs, y.shape[1]);
    const count = size(y);
    const given = { ...numbers, count, vocabulary: t.weight.shape[0], nan: Number.NaN };
    gpu.run(gather, { ...buffers, rows: index, y }, given, Math.ceil(count / 64));
  },
});
