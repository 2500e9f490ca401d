import type { KernelTable, KernelTensors } from '@octet/backend';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { type Program, program } from '../program';
import type { Bound } from '../wgsl/gemm';
import { reduce } from '../wgsl/reduce';

/** Invocations of a workgroup that reduces: as many as every device lets it have. */
const wide = 256;

// Moments of a set of numbers: how many, their mean, Σ (x - mean)². Joined as Chan, Golub and LeVeque do it, so that no
// large sums are subtracted from each other.
const moments = /* wgsl */ `
fn join(a: vec3f, b: vec3f) -> vec3f {
  if (a.x == 0.0) { return b; }
  if (b.x == 0.0) { return a; }
  let count = a.x + b.x;
  let share = b.x / count;
  let apart = b.y - a.y;
  return vec3f(count, a.y + apart * share, a.z + b.z + apart * apart * a.x * share);
}
`;

const sums = /* wgsl */ `
fn join(a: vec3f, b: vec3f) -> vec3f { return a + b; }
`;

/** Every lane gets the join of all. */
const joinLanes = reduce('joinLanes', 'vec3f', 'join(a, b)');

const columnUniforms = {
  rows: 'u32',
  columns: 'u32',
  width: 'u32',
  chunk: 'u32',
  count: 'u32',
} as const;

/** So many workgroups keep a GPU busy, and each invocation should have so many rows. */
const busy = 128;
const minRows = 8;

/** How the columns of [rows,columns] are reduced: workgroups of `width` columns, `count` of them down the rows. */
function columnSizes(rows: number, columns: number) {
  const width = Math.min(64, 2 ** Math.ceil(Math.log2(Math.max(1, columns))));
  const across = Math.ceil(columns / width);
  const least = (wide / width) * minRows;
  const wanted = Math.max(1, Math.min(Math.floor(busy / across), Math.ceil(rows / least)));
  const chunk = Math.max(1, Math.ceil(rows / wanted));
  const count = Math.max(1, Math.ceil(rows / chunk));
  return { uniforms: { rows, columns, width, chunk, count }, groups: across * count };
}

/**
 * Reduces each column of `count` parts of the rows: parts [count,columns,3].
 *
 * @param term the body of a WGSL function of `row` and `column`
 */
const reduceColumns = <const I extends Program['inputs'], const U extends Program['uniforms']>(
  name: string,
  inputs: I,
  uniforms: U,
  join: string,
  term: string,
) =>
  program({
    name,
    inputs,
    outputs: { parts: 'f32' },
    uniforms: { ...uniforms, ...columnUniforms },
    workgroup: [wide],
    include: [join, joinLanes],
    code: `fn term(row: u32, column: u32) -> vec3f { ${term} }`,
    main: `
  let across = (u.columns + u.width - 1u) / u.width;
  let part = group / across;
  if (part >= u.count) { return; }
  let column = group % across * u.width + lane % u.width;
  var value = vec3f();
  if (column < u.columns) {
    let end = min((part + 1u) * u.chunk, u.rows);
    for (var row = part * u.chunk + lane / u.width; row < end; row += groupSize / u.width) {
      value = join(value, term(row, column));
    }
  }
  value = joinLanes(value, lane, u.width);
  if (lane >= u.width || column >= u.columns) { return; }
  for (var i = 0u; i < 3u; i++) { parts[(part * u.columns + column) * 3u + i] = value[i]; }`,
  });

/** WGSL that joins the parts of column `index` in `value`. */
const joinParts = /* wgsl */ `
  if (index >= u.columns) { return; }
  var value = vec3f();
  for (var part = 0u; part < u.count; part++) {
    let at = (part * u.columns + index) * 3u;
    value = join(value, vec3f(parts[at], parts[at + 1u], parts[at + 2u]));
  }`;

const batchMoments = reduceColumns(
  'batchNormTrain, moments',
  { x: 'f32' },
  {},
  moments,
  'return vec3f(1.0, x[row * u.columns + column], 0.0);',
);

const batchStatistics = program({
  name: 'batchNormTrain, statistics',
  inputs: { parts: 'f32' },
  outputs: { saveMean: 'f32', saveInvStd: 'f32', variance: 'f32' },
  uniforms: { columns: 'u32', count: 'u32', eps: 'f32' },
  workgroup: [64],
  include: [moments],
  main: `${joinParts}
  let biased = value.z / value.x;
  saveMean[index] = value.y;
  saveInvStd[index] = inverseSqrt(biased + u.eps);
  variance[index] = biased;`,
});

const runningStatistics = program({
  name: 'batchNormTrain, running statistics',
  inputs: { mean: 'f32', variance: 'f32' },
  outputs: { runningMean: 'f32', runningVar: 'f32' },
  uniforms: { columns: 'u32', momentum: 'f32', keep: 'f32', unbias: 'f32' },
  workgroup: [64],
  main: `
  if (index >= u.columns) { return; }
  runningMean[index] = u.keep * runningMean[index] + u.momentum * mean[index];
  runningVar[index] = u.keep * runningVar[index] + u.momentum * (variance[index] * u.unbias);`,
});

// Something else is bound where there is no weight or no bias.
const weightOf = /* wgsl */ `
fn weightOf(column: u32) -> f32 { return select(1.0, weight[column], u.weighted != 0u); }
`;
const biasOf = /* wgsl */ `
fn biasOf(column: u32) -> f32 { return select(0.0, bias[column], u.biased != 0u); }
`;

const normalize = program({
  name: 'batchNormEval',
  inputs: { x: 'f32', mean: 'f32', variance: 'f32', weight: 'f32', bias: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { size: 'u32', columns: 'u32', eps: 'f32', weighted: 'u32', biased: 'u32' },
  workgroup: [64],
  include: [weightOf, biasOf],
  main: `
  if (index >= u.size) { return; }
  let column = index % u.columns;
  let scale = weightOf(column) * inverseSqrt(variance[column] + u.eps);
  y[index] = (x[index] - mean[column]) * scale + biasOf(column);`,
});

// Of one mean and invStd for each column, or for each row: Σ gradY and Σ gradY · x̂, the gradients of bias and weight.
const gradientSums = reduceColumns(
  'norm backward, sums',
  { x: 'f32', gradY: 'f32', mean: 'f32', invStd: 'f32' },
  { byRow: 'u32' },
  sums,
  `
  let at = row * u.columns + column;
  let line = select(column, row, u.byRow != 0u);
  return vec3f(gradY[at], gradY[at] * (x[at] - mean[line]) * invStd[line], 0.0);`,
);

const gradients = program({
  name: 'norm backward, weight and bias',
  inputs: { parts: 'f32' },
  outputs: { gradWeight: 'f32', gradBias: 'f32' },
  uniforms: { columns: 'u32', count: 'u32' },
  workgroup: [64],
  include: [sums],
  main: `${joinParts}
  gradBias[index] = value.x;
  gradWeight[index] = value.y;`,
});

// gradX = weight · invStd · (gradY - the means of gradY and, times x̂, of gradY · x̂); `share` is 1 / rows, or 0.
const batchNormBackward = program({
  name: 'batchNormBackward',
  inputs: {
    x: 'f32',
    gradY: 'f32',
    mean: 'f32',
    invStd: 'f32',
    weight: 'f32',
    gradWeight: 'f32',
    gradBias: 'f32',
  },
  outputs: { gradX: 'f32' },
  uniforms: { size: 'u32', columns: 'u32', share: 'f32', weighted: 'u32' },
  workgroup: [64],
  include: [weightOf],
  main: `
  if (index >= u.size) { return; }
  let column = index % u.columns;
  let normal = (x[index] - mean[column]) * invStd[column];
  let through = u.share * (gradBias[column] + normal * gradWeight[column]);
  gradX[index] = weightOf(column) * invStd[column] * (gradY[index] - through);`,
});

// A workgroup a row.
const layerNorm = program({
  name: 'layerNorm',
  inputs: { x: 'f32', weight: 'f32', bias: 'f32' },
  outputs: { y: 'f32', mean: 'f32', invStd: 'f32' },
  uniforms: { rows: 'u32', columns: 'u32', eps: 'f32', weighted: 'u32', biased: 'u32' },
  workgroup: [64],
  include: [moments, joinLanes, weightOf, biasOf],
  main: `
  if (group >= u.rows) { return; }
  let start = group * u.columns;
  var value = vec3f();
  for (var column = lane; column < u.columns; column += groupSize) {
    value = join(value, vec3f(1.0, x[start + column], 0.0));
  }
  value = joinLanes(value, lane, 1u);
  let scale = inverseSqrt(value.z / value.x + u.eps);
  for (var column = lane; column < u.columns; column += groupSize) {
    y[start + column] = (x[start + column] - value.y) * scale * weightOf(column) + biasOf(column);
  }
  if (lane == 0u) {
    mean[group] = value.y;
    invStd[group] = scale;
  }`,
});

const layerNormBackward = program({
  name: 'layerNormBackward',
  inputs: { x: 'f32', gradY: 'f32', mean: 'f32', invStd: 'f32', weight: 'f32' },
  outputs: { gradX: 'f32' },
  uniforms: { rows: 'u32', columns: 'u32', weighted: 'u32' },
  workgroup: [64],
  include: [sums, joinLanes, weightOf],
  main: `
  if (group >= u.rows) { return; }
  let start = group * u.columns;
  let center = mean[group];
  let scale = invStd[group];
  var value = vec3f();
  for (var column = lane; column < u.columns; column += groupSize) {
    let up = gradY[start + column] * weightOf(column);
    value += vec3f(up, up * (x[start + column] - center) * scale, 0.0);
  }
  value = joinLanes(value, lane, 1u) / f32(u.columns);
  for (var column = lane; column < u.columns; column += groupSize) {
    let up = gradY[start + column] * weightOf(column);
    let normal = (x[start + column] - center) * scale;
    gradX[start + column] = scale * (up - value.x - normal * value.y);
  }`,
});

type Normalized = KernelTensors<KernelTable['batchNormEval'], GpuTensor>;
type Backward = KernelTensors<KernelTable['batchNormBackward'], GpuTensor>;

const perInvocation = (count: number) => Math.ceil(count / 64);

export const norm: KernelFamily<
  'batchNormTrain' | 'batchNormEval' | 'batchNormBackward' | 'layerNorm' | 'layerNormBackward'
> = (gpu) => {
  /** y = (x - mean) / √(variance + eps) · weight + bias */
  const normalized = (
    { x, mean, variance, weight, bias, y }: Omit<Normalized, 'variance'> & { variance: Bound },
    eps: number,
  ) =>
    gpu.run(
      normalize,
      { x, mean, variance, weight: weight ?? x, bias: bias ?? x, y },
      { size: size(x), columns: x.shape[1], eps, weighted: weight ? 1 : 0, biased: bias ? 1 : 0 },
      perInvocation(size(x)),
    );

  /** gradWeight, gradBias [c], with a mean and invStd for each row or for each column. */
  const affineGradients = ({ x, gradY, mean, invStd, gradWeight, gradBias }: Backward, byRow: boolean) => {
    const [rows, columns] = x.shape;
    const { uniforms, groups } = columnSizes(rows, columns);
    const parts = gpu.scratch(12 * columns * uniforms.count);
    gpu.run(gradientSums, { x, gradY, mean, invStd, parts }, { ...uniforms, byRow: byRow ? 1 : 0 }, groups);
    gpu.run(gradients, { parts, gradWeight, gradBias }, uniforms, perInvocation(columns));
  };

  return {
    batchNormTrain({ x, y, saveMean, saveInvStd, weight, bias, runningMean, runningVar }, { eps, momentum }) {
      const [rows, columns] = x.shape;
      const { uniforms, groups } = columnSizes(rows, columns);
      const parts = gpu.scratch(12 * columns * uniforms.count);
      const variance = gpu.scratch(4 * columns);
      gpu.run(batchMoments, { x, parts }, uniforms, groups);
      gpu.run(
        batchStatistics,
        { parts, saveMean, saveInvStd, variance },
        { ...uniforms, eps },
        perInvocation(columns),
      );
      if (runningMean && runningVar) {
        gpu.run(
          runningStatistics,
          { mean: saveMean, variance, runningMean, runningVar },
          { columns, momentum, keep: 1 - momentum, unbias: rows / (rows - 1) },
          perInvocation(columns),
        );
      }
      normalized({ x, mean: saveMean, variance, weight, bias, y }, eps);
    },

    batchNormEval(t, { eps }) {
      normalized(t, eps);
    },

    batchNormBackward(t, { training }) {
      const { x, gradY, mean, invStd, weight, gradX, gradWeight, gradBias } = t;
      const [rows, columns] = x.shape;
      affineGradients(t, false);
      gpu.run(
        batchNormBackward,
        { x, gradY, mean, invStd, weight: weight ?? x, gradWeight, gradBias, gradX },
        { size: size(x), columns, share: training ? 1 / rows : 0, weighted: weight ? 1 : 0 },
        perInvocation(size(x)),
      );
    },

    layerNorm({ x, weight, bias, y, mean, invStd }, { eps }) {
      const [rows, columns] = x.shape;
      gpu.run(
        layerNorm,
        { x, weight: weight ?? x, bias: bias ?? x, y, mean, invStd },
        { rows, columns, eps, weighted: weight ? 1 : 0, biased: bias ? 1 : 0 },
        rows,
      );
    },

    layerNormBackward(t) {
      const { x, gradY, mean, invStd, weight, gradX } = t;
      const [rows, columns] = x.shape;
      affineGradients(t, true);
      gpu.run(
        layerNormBackward,
        { x, gradY, mean, invStd, weight: weight ?? x, gradX },
        { rows, columns, weighted: weight ? 1 : 0 },
        rows,
      );
    },
  };
};
