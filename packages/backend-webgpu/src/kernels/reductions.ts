import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import type { GpuTensor, KernelFamily } from '../kernel';
import { reduce, sumLanes } from '../wgsl/reduce';
import { chunkOf, planRows, rowProgram } from '../wgsl/rows';
import { isNan } from '../wgsl/special';

/** Elements that a lane adds up in one go. Longer rows are summed in chunks: faster, and nearer the true sum. */
const perLane = 64;

const sumRows = rowProgram({
  name: 'sum',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  include: [sumLanes],
  main: `
  var total = 0.0;
  for (var at = first; at < end; at += step) { total += x[at]; }
  total = sumLanes(total, lane, u.rows);
  if (isFirst) { y[row] = total; }`,
});

const amaxRows = rowProgram({
  name: 'amax',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { lowest: 'f32' },
  include: [
    isNan,
    'fn largest(a: f32, b: f32) -> f32 { return select(a, b, isNan(b) || (b > a && !isNan(a))); }',
    reduce('largestOfLanes', 'f32', 'largest(a, b)'),
  ],
  main: `
  var best = u.lowest;
  for (var at = first; at < end; at += step) { best = largest(best, x[at]); }
  best = largestOfLanes(best, lane, u.rows);
  if (isFirst) { y[row] = best; }`,
});

const amaxBackwardRows = rowProgram({
  name: 'amaxBackward',
  inputs: { x: 'f32', y: 'f32', gradY: 'f32' },
  outputs: { gradX: 'f32' },
  include: [sumLanes],
  main: `
  let best = y[row];
  var equals = 0.0;
  for (var at = first; at < end; at += step) { equals += select(0.0, 1.0, x[at] == best); }
  equals = sumLanes(equals, lane, u.rows);
  let share = gradY[row] / equals;
  for (var at = first; at < end; at += step) { gradX[at] = select(0.0, share, x[at] == best); }`,
});

const argmaxRows = rowProgram({
  name: 'argmax',
  inputs: { x: 'f32' },
  outputs: { y: 'i32' },
  uniforms: { lowest: 'f32' },
  include: [
    isNan,
    `struct Candidate { value: f32, at: u32 }
// The first NaN, else the first of the largest.
fn winner(a: Candidate, b: Candidate) -> Candidate {
  let aNan = isNan(a.value);
  let bNan = isNan(b.value);
  if (aNan != bNan) {
    if (aNan) { return a; }
    return b;
  }
  if (b.value > a.value) { return b; }
  if (!aNan && a.value > b.value) { return a; }
  if (b.at < a.at) { return b; }
  return a;
}`,
    reduce('winnerOfLanes', 'Candidate', 'winner(a, b)'),
  ],
  main: `
  var best = Candidate(u.lowest, 0xffffffffu);
  for (var at = first; at < end; at += step) { best = winner(best, Candidate(x[at], at)); }
  best = winnerOfLanes(best, lane, u.rows);
  if (isFirst) { y[row] = i32(best.at / u.inner % u.n); }`,
});

const varianceRows = rowProgram({
  name: 'variance',
  inputs: { x: 'f32' },
  outputs: { y: 'f32', mean: 'f32' },
  uniforms: { share: 'f32', varianceShare: 'f32' },
  include: [sumLanes],
  main: `
  var total = 0.0;
  for (var at = first; at < end; at += step) { total += x[at]; }
  let center = sumLanes(total, lane, u.rows) * u.share;
  total = 0.0;
  for (var at = first; at < end; at += step) { total += (x[at] - center) * (x[at] - center); }
  total = sumLanes(total, lane, u.rows);
  if (isFirst) {
    mean[row] = center;
    y[row] = total * u.varianceShare;
  }`,
});

function sumInto(gpu: Gpu, x: GpuTensor | GpuBuffer, shape: readonly number[], y: GpuTensor): void {
  const [outer, , inner] = shape;
  const [uniforms, groups] = planRows({ shape }, chunkOf({ shape }, perLane));
  const { chunks, count } = uniforms;
  const sums = chunks > 1 ? gpu.scratch(4 * count) : y;
  gpu.run(sumRows, { x, y: sums }, uniforms, groups);
  if (chunks > 1) sumInto(gpu, sums, [outer, chunks, inner], y);
}

export const reductions: KernelFamily<'sum' | 'amax' | 'amaxBackward' | 'argmax' | 'variance'> = (gpu) => {
  /** A row program's uniforms with some more, and its workgroups. */
  const plan = <U>(x: GpuTensor, more: U) => {
    const [uniforms, groups] = planRows(x);
    return [{ ...uniforms, ...more }, groups] as const;
  };
  return {
    sum: ({ x, y }) => sumInto(gpu, x, x.shape, y),
    amax: ({ x, y }) => gpu.run(amaxRows, { x, y }, ...plan(x, { lowest: -Infinity })),
    amaxBackward: ({ x, y, gradY, gradX }) =>
      gpu.run(amaxBackwardRows, { x, y, gradY, gradX }, ...plan(x, {})),
    argmax: ({ x, y }) => gpu.run(argmaxRows, { x, y }, ...plan(x, { lowest: -Infinity })),
    variance({ x, y, mean }, { correction }) {
      const n = x.shape[1];
      const shares = { share: 1 / n, varianceShare: 1 / Math.max(0, n - correction) };
      gpu.run(varianceRows, { x, y, mean }, ...plan(x, shares));
    },
  };
};
