import { ShapeError } from '@octet/backend';
import { planOf } from '@octet/graph';
import { Linear, Module } from '@octet/nn';
import { Generator, manualSeed, noGrad, quantizedTensor, randint, randn, type Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  convert,
  DeQuantStub,
  FloatFunctional,
  getDefaultQConfigMapping,
  prepare,
  QuantStub,
  quantized,
} from '../src';

const { functional } = quantized;
const f32 = Math.fround;

function ints(shape: readonly number[], scale: number, zeroPoint: number, seed: number): Tensor {
  const q = randint(0, 256, shape, { generator: new Generator(seed) });
  return quantizedTensor(Array.from(q.dataSync()), [...shape], 'quint8', {
    scheme: 'perTensor',
    scale,
    zeroPoint,
  });
}

function tiesToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}

describe('int8 matrix products', () => {
  test.each<[number[], number[], number[]]>([
    [
      [3, 5],
      [5, 4],
      [3, 4],
    ],
    [
      [1, 17],
      [17, 1],
      [1, 1],
    ],
    [
      [2, 3, 5],
      [2, 5, 4],
      [2, 3, 4],
    ],
    [
      [2, 1, 3, 5],
      [4, 5, 7],
      [2, 4, 3, 7],
    ],
    [
      [3, 5],
      [6, 5, 4],
      [6, 3, 4],
    ],
    [
      [6, 7, 33],
      [1, 33, 9],
      [6, 7, 9],
    ],
    [
      [2, 4, 9, 16],
      [2, 4, 16, 9],
      [2, 4, 9, 9],
    ],
  ])('%j × %j: the sums are exact', (shapeA, shapeB, shape) => {
    const [a, b] = [ints(shapeA, 0.02, 90, 1), ints(shapeB, 0.013, 7, 2)];
    const output = { scale: 0.3, zeroPoint: 101 };
    const y = functional.matmul(a, b, output);
    expect(y.shape).toEqual(shape);
    expect(y.qparams).toEqual({ scheme: 'perTensor', ...output });
    // Sums of less than 2^24 are exact in float32.
    const whole = (x: Tensor, zeroPoint: number) => x.intRepr().to('float32').sub(zeroPoint);
    const sums = whole(a, 90).matmul(whole(b, 7)).dataSync();
    const multiplier = f32(f32(f32(0.02) * f32(0.013)) * f32(1 / f32(0.3)));
    const want = Array.from(sums, (s) => Math.min(Math.max(tiesToEven(f32(s * multiplier)) + 101, 0), 255));
    expect(Array.from(y.intRepr().dataSync())).toEqual(want);
    const clamped = functional.matmul(a, b, { ...output, clamp: [0, 6] });
    expect(Array.from(clamped.intRepr().dataSync())).toEqual(
      want.map((q) => Math.min(Math.max(q, 101), 121)),
    );
  });

  test('operands in any order of memory', () => {
    const [a, b] = [ints([5, 3], 0.02, 90, 1), ints([4, 5], 0.013, 7, 2)];
    const output = { scale: 0.3, zeroPoint: 101 };
    const y = functional.matmul(a.transpose(0, 1), b.transpose(0, 1), output);
    const z = functional.matmul(a.transpose(0, 1).contiguous(), b.transpose(0, 1).contiguous(), output);
    expect(y.intRepr().dataSync()).toEqual(z.intRepr().dataSync());
  });

  test('shapes that do not fit', () => {
    const output = { scale: 1, zeroPoint: 0 };
    expect(() => functional.matmul(ints([2, 3], 1, 0, 1), ints([2, 3], 1, 0, 1), output)).toThrow(ShapeError);
    expect(() => functional.matmul(ints([3], 1, 0, 1), ints([3, 2], 1, 0, 1), output)).toThrow(
      /quantized\.matmul: expected a \[\.\.\., m, k\]/,
    );
    expect(() => functional.matmul(ints([1, 40000], 1, 0, 1), ints([40000, 1], 1, 0, 1), output)).toThrow(
      /overflow/,
    );
  });
});

/** Attention without its softmax: products of activations. */
class Scores extends Module {
  readonly quant = new QuantStub();
  readonly query = new Linear(12, 12);
  readonly key = new Linear(12, 12);
  readonly product = new FloatFunctional();
  readonly again = new FloatFunctional();
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const q = this.quant.call(x);
    const heads = (t: Tensor) => t.reshape([2, 5, 3, 4]).permute([0, 2, 1, 3]);
    const scores = this.product.matmul(heads(this.query.call(q)), heads(this.key.call(q)).transpose(-1, -2));
    return this.dequant.call(this.again.matmul(scores, heads(q)));
  }
}

test('a model with products of activations: float, int8 and its plan agree', async () => {
  manualSeed(3);
  const float = new Scores().eval();
  const x = randn([2, 5, 12]);
  const want = noGrad(() => float.call(x).dataSync());
  const prepared = prepare(float, getDefaultQConfigMapping());
  prepared.call(x);
  const int8 = await convert(prepared);
  const y = noGrad(() => int8.call(x).dataSync());
  const largest = Math.max(...want.map(Math.abs));
  expect(Math.max(...want.map((v, i) => Math.abs(v - y[i])))).toBeLessThan(0.05 * largest);
  const other = randn([2, 5, 12]);
  const plan = planOf(int8, [x]);
  expect((plan.run(other) as Tensor).dataSync()).toEqual(noGrad(() => int8.call(other).dataSync()));
});
