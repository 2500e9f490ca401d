import { type KernelTable, type PrepackingKernel, runKernel } from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import type { GpuTensor, KernelFamily } from '../kernel';
import { program } from '../program';
import { data } from './data';
import { matmul } from './matmul';
import type { PackedWeights } from './qgemm';
import { qlinear } from './qlinear';
import { gateFunctions, matrix, one } from './recurrent';

const sizes = { step: 'u32', plane: 'u32', hidden: 'u32' } as const;

/** One invocation for each number of the state: where it is in y, its gates in x and in those of one step, and all four. */
const places = /* wgsl */ `
  if (index >= u.plane) { return; }
  let at = u.step * u.plane + index;
  let row = index - index % u.hidden;
  let first = 3u * row + index % u.hidden;
  let gate = 3u * u.step * u.plane + first;
  let kept = 4u * (u.step * u.plane + row) + index % u.hidden;`;

/** One step, from the state's share of the gates. */
const cells = program({
  name: 'gru, one step',
  inputs: { x: 'f32', product: 'f32', h0: 'f32' },
  outputs: { y: 'f32', h: 'f32', gates: 'f32' },
  uniforms: { ...sizes, kept: 'u32' },
  workgroup: [64],
  include: gateFunctions,
  main: `${places}
  let r = sigmoid(x[gate] + product[first]);
  let z = sigmoid(x[gate + u.hidden] + product[first + u.hidden]);
  let m = product[first + 2u * u.hidden];
  let n = tangent(x[gate + 2u * u.hidden] + r * m);
  var before = h0[index];
  if (u.step > 0u) { before = y[at - u.plane]; }
  h[index] = n + z * (before - n);
  y[at] = h[index];
  if (u.kept == 0u) { return; }
  gates[kept] = r;
  gates[kept + u.hidden] = z;
  gates[kept + 2u * u.hidden] = m;
  gates[kept + 3u * u.hidden] = n;`,
});

/**
 * Of one step, from the gradient of its state, carried + product: those of its gates, of the state's share of them, twice,
 * and what goes on to the state before. `earlier` holds that state, from `offset` on.
 */
const gradients = program({
  name: 'gruBackward, one step',
  inputs: { earlier: 'f32', gates: 'f32', gradY: 'f32', product: 'f32' },
  outputs: { gradX: 'f32', gradHidden: 'f32', gradGates: 'f32', carried: 'f32' },
  uniforms: { ...sizes, offset: 'u32' },
  workgroup: [64],
  code: `
fn put(gate: u32, first: u32, v: f32) {
  gradHidden[gate] = v;
  gradGates[first] = v;
}`,
  main: `${places}
  let r = gates[kept];
  let z = gates[kept + u.hidden];
  let m = gates[kept + 2u * u.hidden];
  let n = gates[kept + 3u * u.hidden];
  let dh = gradY[at] + carried[index] + product[index];
  carried[index] = dh * z;
  let dn = (dh - dh * z) * (1.0 - n * n);
  let dr = dn * m * r * (1.0 - r);
  let dz = dh * (earlier[u.offset + index] - n) * z * (1.0 - z);
  gradX[gate] = dr;
  gradX[gate + u.hidden] = dz;
  gradX[gate + 2u * u.hidden] = dn;
  put(gate, first, dr);
  put(gate + u.hidden, first + u.hidden, dz);
  put(gate + 2u * u.hidden, first + 2u * u.hidden, dn * r);`,
});

/** y = carried + product */
const total = program({
  name: 'gruBackward, the initial state',
  inputs: { carried: 'f32', product: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { plane: 'u32' },
  workgroup: [64],
  main: `
  if (index >= u.plane) { return; }
  y[index] = carried[index] + product[index];`,
});

interface Sequence {
  readonly x: GpuTensor;
  readonly h0: GpuTensor;
  readonly y: GpuTensor;
  readonly gates?: GpuTensor | undefined;
}

/** Step after step; `multiply` writes the state's share of the gates. */
function steps(
  gpu: Gpu,
  { x, h0, y, gates }: Sequence,
  multiply: (h: GpuTensor, product: GpuTensor) => void,
): void {
  const [length, n, hidden] = y.shape;
  const plane = n * hidden;
  const h = matrix(gpu, n, hidden);
  const product = matrix(gpu, n, 3 * hidden);
  // Something must be bound where they aren't kept.
  const buffers = { x, product, h0, y, h, gates: gates ?? matrix(gpu, 1, 1) };
  const uniforms = { plane, hidden, kept: gates ? 1 : 0 };
  for (let step = 0; step < length; step++) {
    gpu.scoped(() => multiply(step === 0 ? h0 : h, product));
    gpu.run(cells, buffers, { ...uniforms, step }, Math.ceil(plane / 64));
  }
}

export const gru: KernelFamily<'gru' | 'gruBackward' | 'qgruDynamic'> = (gpu) => {
  const { linear, matmul: multiply } = matmul(gpu);
  const { fill } = data(gpu);
  const dynamic = qlinear(gpu).qlinearDynamic as PrepackingKernel<KernelTable['qlinearDynamic'], GpuBuffer>;
  return {
    gru: (t) => steps(gpu, t, (x, y) => runKernel(linear, { x, weight: t.weight, bias: t.bias, y }, {})),

    gruBackward({ weight, h0, y, gates, gradY, gradX, gradHidden, gradH0 }) {
      const [length, n, hidden] = y.shape;
      const plane = n * hidden;
      const groups = Math.ceil(plane / 64);
      const gradGates = matrix(gpu, n, 3 * hidden);
      const [carried, product] = [matrix(gpu, n, hidden), matrix(gpu, n, hidden)];
      for (const t of [carried, product]) runKernel(fill, { y: t }, { value: 0 });
      const buffers = { gates, gradY, product, gradX, gradHidden, gradGates, carried };
      for (let step = length - 1; step >= 0; step--) {
        const uniforms = { step, plane, hidden, offset: Math.max(0, step - 1) * plane };
        gpu.run(gradients, { ...buffers, earlier: step > 0 ? y : h0 }, uniforms, groups);
        const tensors = { a: one(gradGates), b: one(weight), y: one(product) };
        runKernel(multiply, tensors, { transposeA: false, transposeB: false });
      }
      gpu.run(total, { carried, product, y: gradH0 }, { plane }, groups);
    },

    qgruDynamic: {
      prepack: (weights, attrs) => dynamic.prepack(weights, attrs),
      run: (t, attrs, packed: PackedWeights) =>
        steps(gpu, t, (x, y) => dynamic.run({ x, weight: t.weight, y }, attrs, packed)),
      free: (packed: PackedWeights) => dynamic.free?.(packed),
    },
  };
};
