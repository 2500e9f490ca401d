import { GELU, Hardswish, LayerNorm, Linear, LSTM, type Module, ReLU6, Sequential } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { exportOnnx, importOnnx } from '../src';
import { forward, stepsApart } from './engine';
import { digitsNet, mobileNet, quantized, seedNet, trained } from './models';

beforeEach(() => void manualSeed(5));

/** The largest difference between the outputs of a model and of its file, of the largest output. */
async function difference(model: Module, x: Tensor): Promise<number> {
  const [want] = forward(model, [x]);
  const [got] = forward(await importOnnx(await exportOnnx(model, x, { dynamicBatch: true })), [x]);
  expect(got.shape).toEqual(want.shape);
  const [a, b] = [want.dataSync(), got.dataSync()];
  let [most, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(a[i]));
  }
  return most / largest;
}

describe('a file that was exported', () => {
  it.each([
    ['seed', () => trained(seedNet()), [2, 3, 32, 32]],
    ['digits', () => trained(digitsNet()), [2, 1, 28, 28]],
    ['MobileNet with ReLU6', () => trained(mobileNet('relu6')), [2, 3, 16, 16]],
    ['MobileNet with Hardswish', () => trained(mobileNet('hardswish')), [2, 3, 16, 16]],
  ] as const)('computes the same: %s', async (_, make, shape) => {
    expect(await difference(make().eval() as Module, randn(shape))).toBeLessThan(1e-5);
  });

  it('computes the same: LSTM', async () => {
    const model = new LSTM(3, 4).eval();
    const x = randn([5, 2, 3]);
    const want = forward(model, [x]);
    const got = forward(await importOnnx<Tensor[]>(await exportOnnx(model, x, { opset: 17 })), [x]);
    for (const [i, t] of want.entries()) {
      const [a, b] = [t.dataSync(), got[i].dataSync()];
      for (let k = 0; k < a.length; k++) expect(b[k]).toBeCloseTo(a[k], 5);
    }
  });

  it('has its layers back, also those that opset 13 has in pieces', async () => {
    const model = new Sequential(
      new Linear(6, 8),
      new GELU(),
      new LayerNorm([8]),
      new Hardswish(),
      new ReLU6(),
    ).eval();
    const x = randn([5, 6]);
    const back = await importOnnx(await exportOnnx(model, x, { opset: 13 }));
    const types = back.graph.nodes.map(
      ({ target }) => typeof target === 'string' && back.getSubmodule(target).constructor.name,
    );
    expect(types).toEqual(['Linear', 'GELU', 'LayerNorm', 'Hardswish', 'ReLU6']);
    expect(await difference(model, x)).toBeLessThan(1e-5);
  });

  it('in int8 gives the same integers, but for those that lie half-way', async () => {
    const x = randn([4, 3, 32, 32]);
    const model = await quantized(trained(seedNet()), 'qnnpack', x);
    let scale = Number.NaN;
    model.dequant.registerForwardPreHook((_, [t]) => {
      if (t.qparams?.scheme === 'perTensor') scale = t.qparams.scale;
    });
    const want = noGrad(() => model.call(x)).dataSync();
    const back = await importOnnx(await exportOnnx(model, x));
    const { share, most } = stepsApart(want, noGrad(() => back.call(x)).dataSync(), scale);
    expect(most).toBeLessThanOrEqual(1);
    expect(share).toBeLessThan(0.05);
  });
});
