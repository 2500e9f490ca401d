import { runKernel } from '@octet/backend';
import { type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { reduce } from '../wgsl/reduce';
import { data } from './data';

const workgroup = 64;

const gather = program({
  name: 'embedding',
  inputs: { weight: 'f32', rows: 'i32' },
  outputs: { y: 'f32' },
  uniforms: { vocabulary: 'u32', width: 'u32', count: 'u32', nan: 'f32' },
  workgroup: [workgroup],
  main: `
  if (index >= u.count) { return; }
  let row = u32(rows[index / u.width]);
  var value = u.nan;
  if (row < u.vocabulary) { value = weight[row * u.width + index % u.width]; }
  y[index] = value;`,
});

// A workgroup for each position: that of a row's first one sums up all of the row's, in order.
const sums = program({
  name: 'embeddingBackward',
  inputs: { rows: 'i32', gradY: 'f32' },
  outputs: { gradWeight: 'f32' },
  uniforms: { n: 'u32', vocabulary: 'u32', width: 'u32', paddingIdx: 'i32' },
  workgroup: [workgroup],
  include: [reduce('anyLane', 'u32', 'a | b')],
  main: `
  if (group >= u.n) { return; }
  let row = rows[group];
  var seen = select(0u, 1u, row == u.paddingIdx || u32(row) >= u.vocabulary);
  for (var i = lane; i < group && seen == 0u; i += groupSize) {
    if (rows[i] == row) { seen = 1u; }
  }
  if (anyLane(seen, lane, 1u) != 0u) { return; }
  for (var column = lane; column < u.width; column += groupSize) {
    var total = 0.0;
    for (var i = group; i < u.n; i++) {
      if (rows[i] == row) { total += gradY[i * u.width + column]; }
    }
    gradWeight[u32(row) * u.width + column] = total;
  }`,
});

/** An index that is no row of the weight gives NaN, and no gradient: it stays on the GPU, so that no error can be thrown. */
export const embedding: KernelFamily<'embedding' | 'embeddingBackward'> = (gpu) => ({
  embedding: ({ weight, index, y }) => {
    const [vocabulary, width] = weight.shape;
    const count = size(y);
    gpu.run(
      gather,
      { weight, rows: index, y },
      { vocabulary, width, count, nan: Number.NaN },
      Math.ceil(count / workgroup),
    );
  },
  embeddingBackward: ({ index, gradY, gradWeight }, { paddingIdx }) => {
    const [vocabulary, width] = gradWeight.shape;
    const n = size(index);
    runKernel(data(gpu).fill, { y: gradWeight }, { value: 0 });
    gpu.run(sums, { rows: index, gradY, gradWeight }, { n, vocabulary, width, paddingIdx }, n);
  },
});
