import { GRU, Module } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { expect, test } from 'vitest';
import { exportOnnx, importOnnx } from '../src';

class Sequence extends Module<[Tensor], Tensor> {
  static override readonly name = 'Sequence';

  constructor(readonly layer: GRU) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.layer.call(x)[0];
  }
}

test.each(
  [GRU].flatMap((Layer) =>
    [false, true].flatMap((bidirectional) =>
      [false, true].map((bias) => [Layer.name, { bidirectional, bias }, Layer] as const),
    ),
  ),
)('%s comes back as a layer: %j', async (_, options, Layer) => {
  manualSeed(1);
  const model = new Sequence(new Layer(3, 4, options)).eval();
  const x = randn([5, 2, 3]);
  const graph = await importOnnx(await exportOnnx(model, x));
  expect(graph.modules().some((module) => module instanceof GRU)).toBe(true);
  const [expected, actual] = noGrad(() => [model.call(x), graph.call(x)]);
  expect(actual.shape).toEqual(expected.shape);
  const want = expected.dataSync();
  for (const [i, v] of actual.dataSync().entries()) expect(v).toBeCloseTo(want[i], 5);
});
