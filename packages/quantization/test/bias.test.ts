import { BatchNorm1d, BatchNorm2d, Conv2d, Linear, type Module, ReLU, Sequential } from '@octet/nn';
import { SGD } from '@octet/optim';
import { manualSeed, noGrad, ones, rand, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  convert,
  defaultFakeQuant,
  defaultPerChannelWeightFakeQuant,
  defaultWeightFakeQuant,
  disableObserver,
  fuse,
  getDefaultQatQConfig,
  getDefaultQConfig,
  prepare,
  prepareQat,
  QConfig,
  QuantWrapper,
  quantized,
} from '../src';

const { functional } = quantized;
const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});

beforeEach(() => void manualSeed(5));
afterEach(() => warn.mockClear());

async function int8Of(model: Module, batches: readonly Tensor[], engine: 'qnnpack' | 'x86' = 'x86') {
  const wrapped = fuse(new QuantWrapper(model).eval());
  wrapped.qconfig = getDefaultQConfig(engine);
  const prepared = prepare(wrapped);
  noGrad(() => batches.forEach((x) => void prepared.call(x)));
  return convert(prepared);
}

/** The largest distance to the float model, in steps of the output. */
function stepsOff(int8: Module, float: Module, x: Tensor): number {
  const layers = int8.modules().filter((m) => m instanceof quantized.Conv2d || m instanceof quantized.Linear);
  const { scale } = layers[layers.length - 1] as unknown as { scale: number };
  const off = noGrad(() => (int8.call(x) as Tensor).sub(float.call(x) as Tensor));
  return off.abs().amax().itemSync() / scale;
}

/** Convolution and batch normalisation whose channel 1 is `beta` whatever the input. */
function deadChannel(gamma: number, beta = 3): Sequential {
  const conv = new Conv2d(1, 2, 1, { bias: false });
  const bn = new BatchNorm2d(2);
  noGrad(() => {
    bn.weight?.copy_(tensor([1, gamma]));
    bn.bias?.copy_(tensor([0, beta]));
  });
  return new Sequential(conv, bn).eval();
}

describe('a bias that does not fit int32 at the scale of the weights', () => {
  for (const engine of ['x86', 'qnnpack'] as const) {
    test.each([0, 1e-6, 1e-9, 1e-30])(`${engine}: a channel with gamma %s`, async (gamma) => {
      const x = randn([4, 1, 3, 3]).mul(0.1);
      for (const beta of [3, -3]) {
        const float = deadChannel(gamma, beta);
        expect(stepsOff(await int8Of(float, [x], engine), float, x)).toBeLessThan(2);
      }
    });

    test(`${engine}: all weights zero, a linear layer`, async () => {
      const linear = new Linear(5, 3).eval();
      noGrad(() => {
        linear.weight.fill_(0);
        linear.bias?.copy_(tensor([1000, -0.5, 0]));
      });
      const x = rand([4, 5]).mul(1e-4);
      expect(stepsOff(await int8Of(linear, [x], engine), linear, x)).toBeLessThan(1);
    });

    test(`${engine}: nothing but zeros in calibration, and before the layer`, async () => {
      const dead = new Sequential(new Linear(4, 4), new ReLU(), new Linear(4, 3), new ReLU()).eval();
      noGrad(() => (dead.at(0) as Linear).bias?.fill_(-100));
      for (const [model, x] of [
        [dead, rand([8, 4])],
        [new Conv2d(2, 3, 3).eval(), zeros([2, 2, 5, 5])],
        [new Sequential(new Linear(4, 3), new BatchNorm1d(3)).eval(), zeros([3, 4])],
      ] as const) {
        expect(stepsOff(await int8Of(model, [x], engine), model, x)).toBeLessThan(1);
      }
    });
  }
  test('none of these loses anything worth a warning', () => expect(warn).not.toHaveBeenCalled());

  test('the other channels of a per-tensor weight keep their integers', () => {
    const weight = tensor([
      [1, -2, 127],
      [3, 4, 5],
    ]).quantizePerTensor(1e-3, 0, 'qint8');
    const scales = tensor([
      [0.001, -0.002, 0.127],
      [0, 0, 0],
    ]);
    const packed = new functional.PackedWeight(
      'test',
      scales.quantizePerTensor(1e-3, 0, 'qint8'),
      tensor([0.5, 1e6]),
    );
    const plain = new functional.PackedWeight('test', weight, tensor([0.5, 0]));
    const x = tensor([[0.1, 0.2, 0.3]]).quantizePerTensor(0.01, 0, 'quint8');
    const row = (p: typeof packed) =>
      functional.linear(x, p, { scale: 1e-3, zeroPoint: 0 }).intRepr().dataSync();
    expect(Array.from(row(packed))).toEqual([255, 255]);
    const near = (p: typeof packed) =>
      functional.linear(x, p, { scale: 4000, zeroPoint: 0 }).intRepr().dataSync()[1];
    expect(near(packed)).toBe(250);
    expect(row(packed)[0]).toBe(row(plain)[0]);
  });

  test('a bias that fits beside the sums that the row really has changes nothing', () => {
    const n = 60_000;
    const weight = tensor(new Float32Array(n).fill(1), [1, n]).quantizePerTensor(1, 0, 'qint8');
    const x = tensor(new Float32Array(n).fill(255), [1, n]).quantizePerTensor(1, 0, 'quint8');
    const bias = 2 ** 31 - 2 ** 24;
    const packed = new functional.PackedWeight('test', weight, tensor([bias]));
    // Beside 60,000 weights of 128 it would not fit.
    const scale = 2 ** 23;
    const y = functional.linear(x, packed, { scale, zeroPoint: 0 });
    expect(y.intRepr().itemSync()).toBe(Math.min(255, Math.round((bias + n * 255) / scale)));
    expect(
      packed.callFor(
        { scheme: 'perTensor', scale: 1, zeroPoint: 0 },
        { scheme: 'perTensor', scale, zeroPoint: 0 },
      ).weight,
    ).toBe(packed.operand);
  });

  test.each([3, 576, 60_000])('rows of %s inputs, whatever the bias', async (n) => {
    const linear = new Linear(n, 2).eval();
    for (const size of [1, 1e4, 1e8]) {
      noGrad(() => linear.bias?.copy_(tensor([size, -size])));
      const x = rand([2, n]);
      expect(stepsOff(await int8Of(linear, [x], 'qnnpack'), linear, x)).toBeLessThan(1.5);
    }
  });

  test('affine weights, whose zero is not 0', () => {
    const real = tensor([[0.3, 0.1, 0.2]]);
    const weight = real.quantizePerTensor(1e-9, 100, 'qint8');
    const values = weight.dequantize();
    const x = tensor([[0.5, 1, 0.25]]).quantizePerTensor(1 / 255, 3, 'quint8');
    const packed = new functional.PackedWeight('test', weight, tensor([40]));
    const y = functional.linear(x, packed, { scale: 0.2, zeroPoint: 0 });
    expect(y.intRepr().itemSync()).toBe(200);
    expect(values.abs().amax().itemSync()).toBeLessThan(1e-6);
  });

  test('a scale whose product with the input vanishes', () => {
    const weight = tensor([[1e-30], [1e-30]]).quantizePerTensor(1e-32, 0, 'qint8');
    const x = tensor([[1e-20]]).quantizePerTensor(1e-22, 0, 'quint8');
    const packed = new functional.PackedWeight('test', weight, tensor([0, 5]));
    const y = functional.linear(x, packed, { scale: 0.05, zeroPoint: 7 });
    expect(Array.from(y.intRepr().dataSync())).toEqual([7, 107]);
  });

  test('a coarser weight that moves the output is said once, with the layer', async () => {
    const n = 60_000;
    const model = new Sequential(new ReLU(), new Linear(n, 1)).eval();
    noGrad(() => {
      const { weight, bias } = model.at(1) as Linear;
      weight.fill_(0.01);
      bias?.fill_(92);
    });
    const x = ones([1, n]);
    const int8 = await int8Of(model, [x], 'qnnpack');
    noGrad(() => int8.call(x));
    noGrad(() => int8.call(x));
    const said = warn.mock.calls.map(([text]) => text as string).filter((text) => text.includes('biases'));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^octet: module\.1: biases too large for int32.*by 0\.9\d* steps/);
    // Another model may have a layer at the same path.
    const other = await int8Of(model, [x], 'qnnpack');
    noGrad(() => other.call(x));
    expect(warn.mock.calls.filter(([text]) => (text as string).includes('biases'))).toHaveLength(2);
  });

  test('a NaN or infinite bias is refused', () => {
    const weight = tensor([[1]]).quantizePerTensor(1, 0, 'qint8');
    const x = tensor([[1]]).quantizePerTensor(1, 0, 'quint8');
    for (const b of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const packed = new functional.PackedWeight('head', weight, tensor([b]));
      expect(() => functional.linear(x, packed, { scale: 1, zeroPoint: 0 })).toThrow(
        /head: expected finite numbers as biases, found (NaN|Infinity) in row 0/,
      );
    }
  });

  test('a state dict keeps the weights, and another model of it computes the same', async () => {
    const float = deadChannel(1e-9);
    const x = randn([4, 1, 3, 3]);
    const int8 = await int8Of(float, [x]);
    const other = await int8Of(deadChannel(0.7, 0.1), [x.mul(3)]);
    other.loadStateDict(int8.stateDict());
    const y = noGrad(() => int8.call(x) as Tensor);
    expect(noGrad(() => other.call(x) as Tensor).dataSync()).toEqual(y.dataSync());
    expect(Math.abs(y.slice(1, 1).amax().itemSync() - 3)).toBeLessThan(0.05);
  });
});

describe('a model of QAT and its int8 twin agree', () => {
  const plain = (weight: QConfig['weight']) => new QConfig({ activation: defaultFakeQuant, weight });
  test.each([
    ['per tensor', plain(defaultWeightFakeQuant), 1.001],
    ['per channel', plain(defaultPerChannelWeightFakeQuant), 1.001],
    ['qnnpack', getDefaultQatQConfig('qnnpack'), 2.001],
    ['x86', getDefaultQatQConfig('x86'), 2.001],
  ] as const)('%s: a channel that dies in training', async (_, qconfig, steps) => {
    for (const gamma of [1e-6, 1e-9]) {
      const model = fuse(new QuantWrapper(deadChannel(gamma)).train());
      model.qconfig = qconfig;
      const prepared = prepareQat(model);
      const optimizer = new SGD(prepared.parameters(), { lr: 1e-12 });
      const x = randn([4, 1, 3, 3]).mul(0.1);
      for (let i = 0; i < 3; i++) {
        optimizer.zeroGrad();
        prepared.call(x).square().mean().backward();
        optimizer.step();
      }
      prepared.apply(disableObserver).eval();
      const int8 = await convert(prepared);
      expect(stepsOff(int8, prepared, x)).toBeLessThanOrEqual(steps);
      expect(
        Math.abs(
          noGrad(() => int8.call(x))
            .slice(1, 1)
            .amax()
            .itemSync() - 3,
        ),
      ).toBeLessThan(0.1);
    }
  });
});
