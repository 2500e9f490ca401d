import {
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  Linear,
  type Module,
  ReLU,
  ReLU6,
  Sequential,
} from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  convert,
  disableObserver,
  fuse,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  intrinsic,
  prepare,
  prepareQat,
  QuantWrapper,
  qat,
  quantized,
  toFloat,
} from '../src';

const numbers = (t: Tensor) => Array.from(t.dataSync());
const cases = [
  ['Conv2d', () => [new Conv2d(3, 5, 3)], [2, 3, 6, 6]],
  ['Conv2d and BatchNorm2d', () => [new Conv2d(3, 5, 3), new BatchNorm2d(5)], [2, 3, 6, 6]],
  ['Conv1d', () => [new Conv1d(3, 5, 3)], [2, 3, 9]],
  ['Conv1d and BatchNorm1d', () => [new Conv1d(3, 5, 3), new BatchNorm1d(5)], [2, 3, 9]],
  ['Linear', () => [new Linear(7, 5)], [8, 7]],
  ['Linear and BatchNorm1d', () => [new Linear(7, 5), new BatchNorm1d(5)], [8, 7]],
] as const satisfies readonly [string, () => Module[], readonly number[]][];

/** Layers that end with the activation; some of their outputs lie beyond 6. */
function network(layers: () => Module[], activation: Module): QuantWrapper<Sequential> {
  manualSeed(1);
  const model = new QuantWrapper(new Sequential(...layers(), activation));
  noGrad(() => {
    for (const p of model.parameters()) p.copy_(p.mul(9));
  });
  return model;
}

describe.each(cases)('%s and ReLU6', (_, layers, shape) => {
  manualSeed(2);
  const x = randn(shape);
  const fusedOf = (model: QuantWrapper<Sequential>) => model.module.at(0);

  test('fuse, in evaluation, and compute the same', () => {
    const model = network(layers, new ReLU6()).eval();
    const expected = numbers(noGrad(() => model.call(x)));
    expect(Math.max(...expected)).toBe(6);
    const fused = fuse(model);
    expect([intrinsic.ConvReLU1d, intrinsic.ConvReLU2d, intrinsic.LinearReLU]).toContain(
      fusedOf(fused).constructor,
    );
    numbers(noGrad(() => fused.call(x))).forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i], 4);
    });
  });

  test('are one int8 layer, of which 6 is the bound', async () => {
    const model = fuse(network(layers, new ReLU6()).eval());
    const prepared = prepare(model, getDefaultQConfigMapping());
    const float = noGrad(() => prepared.call(x));
    const int8 = await convert(prepared);
    const layer = fusedOf(int8) as quantized.ConvReLU2d;
    expect([quantized.ConvReLU1d, quantized.ConvReLU2d, quantized.LinearReLU]).toContain(layer.constructor);
    const y = numbers(noGrad(() => int8.call(x)));
    numbers(float).forEach((v, i) => {
      expect(Math.abs(v - y[i])).toBeLessThan(0.8);
    });
    // Far beyond the bound nothing is more than 6 in its integers.
    const far = numbers(noGrad(() => int8.call(x.mul(100))));
    expect(Math.max(...far)).toBeLessThanOrEqual(6 + layer.scale);
    expect(toFloat(layer).children().at(-1)).toBeInstanceOf(ReLU6);
  });

  test('are trained as one, and their int8 twin agrees', async () => {
    const prepared = prepareQat(fuse(network(layers, new ReLU6()).train()), getDefaultQatQConfigMapping());
    const layer = fusedOf(prepared);
    expect(Object.values(qat)).toContain(layer.constructor);
    const y = prepared.call(x);
    y.square().mean().backward();
    expect(Math.max(...numbers(y))).toBeLessThanOrEqual(6.05);
    expect(toFloat(layer).children().at(-1)).toBeInstanceOf(ReLU6);
    prepared.apply(disableObserver).eval();
    const trained = numbers(noGrad(() => prepared.call(x)));
    const int8 = await convert(prepared);
    // Some steps: the input's scale is the observer's own in int8, and the weights are large.
    numbers(noGrad(() => int8.call(x))).forEach((v, i) => {
      expect(Math.abs(v - trained[i])).toBeLessThan(1);
    });
  });

  test('a ReLU in its place is fused without a bound above', async () => {
    const prepared = prepare(fuse(network(layers, new ReLU()).eval()), getDefaultQConfigMapping());
    const float = numbers(noGrad(() => prepared.call(x)));
    const int8 = await convert(prepared);
    expect(Math.max(...numbers(noGrad(() => int8.call(x))))).toBeGreaterThan(7);
    expect(Math.max(...float)).toBeGreaterThan(7);
    expect(toFloat(fusedOf(int8)).children().at(-1)).toBeInstanceOf(ReLU);
  });
});

test('a ReLU6 with a hook runs by itself', () => {
  const relu = new ReLU6();
  let seen = 0;
  const fused = new intrinsic.ConvReLU2d(new Conv2d(1, 1, 1), relu).eval();
  relu.registerForwardHook(() => {
    seen += 1;
  });
  fused.call(randn([1, 1, 2, 2]));
  expect(seen).toBe(1);
});
