import { randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { expect, test } from 'vitest';
import {
  Dropout,
  Embedding,
  Linear,
  layerSummaries,
  type Measured,
  Module,
  Sequential,
  summary,
} from '../src';
import { Model } from './models';

test('a table of the layers', () => {
  expect(`\n${summary(new Model(), [1, 2, 32, 32])}\n`).toMatchInlineSnapshot(`
    "
    Layer       Type         Output          Dtype    Parameters  Bytes    MACs  Kernel
    ───────────────────────────────────────────────────────────────────────────────────────────
    (model)     Model        [1, 3]          float32                             add sum affine
    layers.0.0  Conv2d       [1, 4, 16, 16]  float32          72    288  18,432  conv2d
    layers.0.1  BatchNorm2d  [1, 4, 16, 16]  float32           8     32          batchNormEval
    layers.0.2  ReLU         [1, 4, 16, 16]  float32                             relu
    layers.1.0  Conv2d       [1, 4, 16, 16]  float32         144    576  36,864  conv2d
    layers.1.1  BatchNorm2d  [1, 4, 16, 16]  float32           8     32          batchNormEval
    layers.1.2  ReLU         [1, 4, 16, 16]  float32                             relu
    lastLinear  Linear       [1, 3]          float32          15     60      12  linear
    ───────────────────────────────────────────────────────────────────────────────────────────
    Total                                                    247    988  55,308
    "
  `);
});

test('a tensor where zeros won’t do', () => {
  const table = summary(new Embedding(1000, 8), tensor([1, 2], { dtype: 'int32' }));
  expect(table.split('\n')[2]).toMatch(/^\(model\) +Embedding +\[2, 8\] +float32 +8,000 +32,000 +embedding$/);
});

test('the model isn’t touched, nor the layers that it shares counted twice', () => {
  const shared = new Linear(4, 4);
  const dropout = new Dropout();
  const m = new Sequential(shared, dropout, shared);
  dropout.eval();
  let calls = 0;
  m.registerForwardHook(() => void calls++);
  const before = m.call(randn([1, 4])).requiresGrad;
  const table = summary(m, [3, 4]);
  expect(table).toMatch(/^0 +Linear +\[3, 4\] +float32 +20 +80 +96 +linear$/m);
  expect(table).toMatch(/^Total +20 +80 +96$/m);
  expect([m.training, dropout.training, calls, before]).toEqual([true, false, 1, true]);
});

test('a module may say itself what it holds and computes', () => {
  class Packed extends Module implements Measured {
    readonly parameterCount = 1000;
    readonly parameterBytes = 1016;

    forward(x: Tensor) {
      return x;
    }

    macs(input: readonly number[], output: readonly number[]) {
      return input[0] * output[1];
    }
  }
  expect(summary(new Sequential(new Packed()), [2, 3])).toMatch(
    /^0 +Packed +\[2, 3\] +float32 +1,000 +1,016 +6$/m,
  );
});

test('as data, for a model of two arguments', () => {
  class Two extends Module<[Tensor, Tensor], Tensor> {
    static override readonly name = 'Two';
    readonly left = new Linear(2, 3);
    readonly right = new Linear(4, 3);

    forward(a: Tensor, b: Tensor): Tensor {
      return this.left.call(a).add(this.right.call(b));
    }
  }
  const layers = layerSummaries(new Two(), [zeros([5, 2]), zeros([5, 4])]);
  expect(
    layers.map(({ path, type, shape, parameters, macs }) => [path, type, shape, parameters, macs]),
  ).toEqual([
    ['', 'Two', [5, 3], 0, 0],
    ['left', 'Linear', [5, 3], 9, 30],
    ['right', 'Linear', [5, 3], 15, 60],
  ]);
});
