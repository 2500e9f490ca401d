import { referenceBackend } from '@octet/backend-js-reference';
import { withoutSyncReads } from '@octet/backend-testkit';
import { quantize } from '@octet/inspect';
import { Conv2d, Linear, ReLU, Sequential } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import { Generator, randn, setBackend } from '@octet/tensor';
import { afterEach, expect, test } from 'vitest';

afterEach(() => setBackend(referenceBackend));

test('quantize, its cures and the file are the same on a backend that can’t be read at once', async () => {
  const made = async () => {
    const generator = new Generator(3);
    const layer = (conv: Conv2d) => {
      conv.weight = randn(conv.weight.shape, { generator }) as typeof conv.weight;
      return conv;
    };
    const model = new Sequential(
      layer(new Conv2d(2, 4, 3, { bias: false })),
      new ReLU(),
      layer(new Conv2d(4, 2, 1, { bias: false })),
    ).eval();
    const data = Array.from({ length: 12 }, () => randn([1, 2, 6, 6], { generator }));
    const cures = ['ranges', 'gptq', 'smoothQuant', 'equalize', 'correctBias', 'leaveInFloat'] as const;
    const { model: int8, report } = await quantize(model, { data, target: 90, budget: 60, cures });
    return {
      db: report.after,
      cures: report.cures.map(({ cure, kept }) => [cure, kept]),
      layers: report.layers.map(({ path, sqnrDb }) => [path, sqnrDb]),
      bytes: (await exportOnnx(int8, data[0])).length,
    };
  };
  const atOnce = await made();
  expect(atOnce.db[0]).toBeGreaterThan(20);
  setBackend(withoutSyncReads(referenceBackend));
  expect(await made()).toEqual(atOnce);
});

test('4-bit weights, too', async () => {
  const made = async () => {
    const generator = new Generator(3);
    const layer = new Linear(512, 2048, { bias: false });
    layer.weight = randn([2048, 512], { generator }) as typeof layer.weight;
    const data = Array.from({ length: 3 }, () => randn([1, 512], { generator }));
    const { model: int4, report } = await quantize(new Sequential(layer).eval(), { data, cures: ['int4'] });
    return {
      db: report.after,
      int4: report.int4,
      cures: report.cures.map(({ cure, kept }) => [cure, kept]),
      bytes: (await exportOnnx(int4, data[0])).length,
    };
  };
  const atOnce = await made();
  expect(atOnce.int4).toEqual(['0']);
  setBackend(withoutSyncReads(referenceBackend));
  expect(await made()).toEqual(atOnce);
});
