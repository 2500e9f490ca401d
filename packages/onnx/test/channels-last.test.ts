import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { describe, expect, it } from 'vitest';
import { importOnnx } from '../src';
import type { NodeProto } from '../src/onnx.generated';
import { ort, run } from './engine';
import { file, floats, node, value } from './files';

const first = [0, 3, 1, 2];
const last = [0, 2, 3, 1];
const weights = [
  floats('w1', [4, 3, 3, 3]),
  floats('w2', [5, 4, 3, 3]),
  floats('w3', [2, 9, 1, 1]),
  floats('shift1', [4]),
  floats('shift2', [1, 1, 1, 5]),
  floats('scale', [5]),
  floats('slope', [1, 1, 5]),
  floats('half', [], [0.5]),
];

/** A convolution as frameworks with channels last write it. */
function conv(x: string, weight: string, y: string, pads = [1, 1, 1, 1]): NodeProto[] {
  return [
    node('Transpose', [x], [`${y}_in`], { perm: first }),
    node('Conv', [`${y}_in`, weight], [`${y}_out`], { pads }),
    node('Transpose', [`${y}_out`], [y], { perm: last }),
  ];
}

const begin = [...conv('x', 'w1', 'c1'), node('Add', ['c1', 'shift1'], ['a1']), node('Relu', ['a1'], ['r1'])];

async function imported(nodes: readonly NodeProto[], outputs: readonly string[] = ['y']) {
  const used = new Set(nodes.flatMap(({ input }) => input));
  const bytes = file({
    inputs: [value('x', ['n', 6, 7, 3])],
    outputs,
    nodes,
    weights: weights.filter(({ name }) => used.has(name)),
  });
  manualSeed(3);
  const x = randn([2, 6, 7, 3]);
  const model = await importOnnx<Tensor | Tensor[]>(bytes);
  const y = [noGrad(() => model.call(x))].flat() as Tensor[];
  for (const [k, want] of (await run(bytes, [x])).entries()) {
    expect(y[k].shape).toEqual(want.dims);
    for (const [i, v] of y[k].dataSync().entries()) expect(v).toBeCloseTo(want.data[i], 4);
  }
  return model.graph.nodes.map(({ target, op }) =>
    typeof target === 'string' ? model.getSubmodule(target).constructor.name : op,
  );
}

describe.skipIf(!ort)('transpositions around convolutions', () => {
  it('are those of input and output, whatever works on elements between them', async () => {
    const nodes = [
      ...begin,
      ...conv('r1', 'w2', 'c2'),
      node('Mul', ['c2', 'scale'], ['m2']),
      node('Add', ['m2', 'shift2'], ['a2']),
      node('PRelu', ['a2', 'slope'], ['p2']),
      node('Concat', ['r1', 'p2'], ['all'], { axis: -1 }),
      ...conv('all', 'w3', 'c3', [0, 0, 0, 0]),
      node('Sigmoid', ['c3'], ['s3']),
      node('Mul', ['c3', 's3'], ['y']),
    ];
    const layers = ['Conv2d', 'ReLU', 'Conv2d', 'PReLU', 'Concat', 'Conv2d', 'SiLU'];
    expect(await imported(nodes)).toEqual(['Transpose', ...layers, 'Transpose']);
  });

  it('are kept for what else reads a value, and numbers then stay out of the layer', async () => {
    const nodes = [...conv('x', 'w1', 'c1'), node('Add', ['c1', 'shift1'], ['y'])];
    expect(await imported(nodes, ['y', 'c1'])).toEqual([
      'Transpose',
      'Conv2d',
      'Transpose',
      'Add',
      'Transpose',
    ]);
    expect(await imported(nodes)).toEqual(['Transpose', 'Conv2d', 'Transpose']);
  });

  it('stay where dims are added that no channels are', async () => {
    const nodes = [
      ...begin,
      node('ReduceMean', ['r1'], ['m'], { axes: [3] }),
      node('Sub', ['r1', 'm'], ['y']),
    ];
    expect(await imported(nodes)).toEqual(['Transpose', 'Conv2d', 'ReLU', 'Transpose', 'ReduceMean', 'Sub']);
  });
});
