import { type KernelFamily, size } from '../kernel';
import { program } from '../program';

const workgroup = 64;

const loss = program({
  name: 'nllLoss',
  inputs: { logProbs: 'f32', labels: 'i32', weight: 'f32' },
  outputs: { y: 'f32', w: 'f32' },
  uniforms: { n: 'u32', inner: 'u32', count: 'u32', ignoreIndex: 'i32', weighted: 'u32', nan: 'f32' },
  workgroup: [workgroup],
  main: `
  if (index >= u.count) { return; }
  let label = labels[index];
  var share = 0.0;
  var value = 0.0;
  if (label != u.ignoreIndex) {
    share = u.nan;
    value = u.nan;
    if (u32(label) < u.n) {
      share = 1.0;
      if (u.weighted != 0u) { share = weight[label]; }
      value = -share * logProbs[(index / u.inner * u.n + u32(label)) * u.inner + index % u.inner];
    }
  }
  w[index] = share;
  y[index] = value;`,
});

const backward = program({
  name: 'nllLossBackward',
  inputs: { gradY: 'f32', labels: 'i32', w: 'f32' },
  outputs: { gradX: 'f32' },
  uniforms: { n: 'u32', inner: 'u32', count: 'u32', ignoreIndex: 'i32' },
  workgroup: [workgroup],
  main: `
  if (index >= u.count) { return; }
  let row = index / u.inner / u.n * u.inner + index % u.inner;
  let label = labels[row];
  let chosen = label != u.ignoreIndex && u32(label) == index / u.inner % u.n;
  gradX[index] = select(0.0, -w[row] * gradY[row], chosen);`,
});

/**
 * A label that is neither a class nor ignoreIndex makes its loss NaN: labels stay on the GPU, so that no error can be
 * thrown.
 */
export const nllLoss: KernelFamily<'nllLoss' | 'nllLossBackward'> = (gpu) => ({
  nllLoss: ({ logProbs, target, weight, y, w }, { ignoreIndex }) => {
    const [, n, inner] = logProbs.shape;
    const count = size(target);
    gpu.run(
      loss,
      { logProbs, labels: target, weight: weight ?? logProbs, y, w },
      { n, inner, count, ignoreIndex, weighted: Number(weight !== undefined), nan: Number.NaN },
      Math.ceil(count / workgroup),
    );
  },
  nllLossBackward: ({ gradY, target, w, gradX }, { ignoreIndex }) => {
    const [, n, inner] = gradX.shape;
    const count = size(gradX);
    gpu.run(
      backward,
      { gradY, labels: target, w, gradX },
      { n, inner, count, ignoreIndex },
      Math.ceil(count / workgroup),
    );
  },
});
