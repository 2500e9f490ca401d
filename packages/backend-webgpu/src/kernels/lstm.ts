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

const sizes = { step: 'u32', plane: 'u32', all: 'u32', hidden: 'u32' } as const;

/** One invocation for each number of the state: where it is in y, and its gates in x and in those of one step. */
const places = /* wgsl */ `
  if (index >= u.plane) { return; }
  let at = u.step * u.plane + index;
  let cell = u.all + at;
  let first = 4u * (index - index % u.hidden) + index % u.hidden;
  let gate = 4u * u.step * u.plane + first;`;

/** One step, from the state's share of the gates. */
const cells = program({
  name: 'lstm, one step',
  inputs: { x: 'f32', product: 'f32', c0: 'f32' },
  outputs: { y: 'f32', h: 'f32', gates: 'f32' },
  uniforms: { ...sizes, kept: 'u32' },
  workgroup: [64],
  include: gateFunctions,
  code: `
fn sum(gate: u32, first: u32) -> f32 { return x[gate] + product[first]; }`,
  main: `${places}
  let i = sigmoid(sum(gate, first));
  let f = sigmoid(sum(gate + u.hidden, first + u.hidden));
  let g = tangent(sum(gate + 2u * u.hidden, first + 2u * u.hidden));
  let o = sigmoid(sum(gate + 3u * u.hidden, first + 3u * u.hidden));
  var c = c0[index];
  if (u.step > 0u) { c = y[cell - u.plane]; }
  c = f * c + i * g;
  h[index] = o * tangent(c);
  y[at] = h[index];
  y[cell] = c;
  if (u.kept == 0u) { return; }
  gates[gate] = i;
  gates[gate + u.hidden] = f;
  gates[gate + 2u * u.hidden] = g;
  gates[gate + 3u * u.hidden] = o;`,
});

/** Of one step, from the gradient of its state: those of its gates, twice, and of the c before. */
const gradients = program({
  name: 'lstmBackward, one step',
  inputs: { c0: 'f32', y: 'f32', gates: 'f32', gradY: 'f32', gradH: 'f32' },
  outputs: { gradX: 'f32', gradC: 'f32', gradGates: 'f32' },
  uniforms: sizes,
  workgroup: [64],
  include: gateFunctions,
  code: `
fn put(gate: u32, first: u32, v: f32) {
  gradX[gate] = v;
  gradGates[first] = v;
}`,
  main: `${places}
  let i = gates[gate];
  let f = gates[gate + u.hidden];
  let g = gates[gate + 2u * u.hidden];
  let o = gates[gate + 3u * u.hidden];
  let curved = tangent(y[cell]);
  var before = c0[index];
  if (u.step > 0u) { before = y[cell - u.plane]; }
  let dh = gradY[at] + gradH[index];
  let dc = gradY[cell] + gradC[index] + dh * o * (1.0 - curved * curved);
  gradC[index] = dc * f;
  put(gate, first, dc * g * i * (1.0 - i));
  put(gate + u.hidden, first + u.hidden, dc * before * f * (1.0 - f));
  put(gate + 2u * u.hidden, first + 2u * u.hidden, dc * i * (1.0 - g * g));
  put(gate + 3u * u.hidden, first + 3u * u.hidden, dh * curved * o * (1.0 - o));`,
});

interface Sequence {
  readonly x: GpuTensor;
  readonly h0: GpuTensor;
  readonly c0: GpuTensor;
  readonly y: GpuTensor;
  readonly gates?: GpuTensor | undefined;
}

/** Step after step; `multiply` writes the state's share of the gates. */
function steps(
  gpu: Gpu,
  { x, h0, c0, y, gates }: Sequence,
  multiply: (h: GpuTensor, product: GpuTensor) => void,
): void {
  const [, length, n, hidden] = y.shape;
  const plane = n * hidden;
  const h = matrix(gpu, n, hidden);
  const product = matrix(gpu, n, 4 * hidden);
  // Something must be bound where they aren't kept.
  const buffers = { x, product, c0, y, h, gates: gates ?? matrix(gpu, 1, 1) };
  const uniforms = { plane, all: length * plane, hidden, kept: gates ? 1 : 0 };
  for (let step = 0; step < length; step++) {
    gpu.scoped(() => multiply(step === 0 ? h0 : h, product));
    gpu.run(cells, buffers, { ...uniforms, step }, Math.ceil(plane / 64));
  }
}

export const lstm: KernelFamily<'lstm' | 'lstmBackward' | 'qlstmDynamic'> = (gpu) => {
  const { linear, matmul: multiply } = matmul(gpu);
  const { fill } = data(gpu);
  const dynamic = qlinear(gpu).qlinearDynamic as PrepackingKernel<KernelTable['qlinearDynamic'], GpuBuffer>;
  return {
    lstm: (t) => steps(gpu, t, (x, y) => runKernel(linear, { x, weight: t.weight, bias: t.bias, y }, {})),

    lstmBackward({ weight, c0, y, gates, gradY, gradX, gradH0, gradC0 }) {
      const [, length, n, hidden] = y.shape;
      const plane = n * hidden;
      const gradGates = matrix(gpu, n, 4 * hidden);
      for (const t of [gradH0, gradC0]) runKernel(fill, { y: t }, { value: 0 });
      const buffers = { c0, y, gates, gradY, gradH: gradH0, gradX, gradC: gradC0, gradGates };
      for (let step = length - 1; step >= 0; step--) {
        const uniforms = { step, plane, all: length * plane, hidden };
        gpu.run(gradients, buffers, uniforms, Math.ceil(plane / 64));
        const product = { a: one(gradGates), b: one(weight), y: one(gradH0) };
        runKernel(multiply, product, { transposeA: false, transposeB: false });
      }
    },

    qlstmDynamic: {
      prepack: (weights, attrs) => dynamic.prepack(weights, attrs),
      run: (t, attrs, packed: PackedWeights) =>
        steps(gpu, t, (x, y) => dynamic.run({ x, weight: t.weight, y }, attrs, packed)),
      free: (packed: PackedWeights) => dynamic.free?.(packed),
    },
  };
};
