import { at, broadcastAt, build, indices } from '@octet/backend-testkit/oracle';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  argmax,
  batchNorm,
  crossEntropy,
  dropout,
  embedding,
  Generator,
  grad,
  layerNorm,
  matmul,
  nllLoss,
  ones,
  randn,
  type Tensor,
  tensor,
  zeros,
} from '../src';
import { arrayOf, broadcastable, layout, shape } from './support/arbitraries';
import { list, tensorOf } from './support/layouts';

const points = [-4, -3, -1, 0, 1, 3, 6, 7];

/** y and dy/dx at `points`. */
function curve(f: (x: Tensor) => Tensor): { y: number[]; slope: number[] } {
  const x = tensor(points, { dtype: 'float64', requiresGrad: true });
  const y = f(x);
  return { y: list(y), slope: list(grad(y.sum(), [x])[0] as Tensor) };
}

describe('activations at their corners', () => {
  test('relu', () => {
    expect(curve((x) => x.relu())).toEqual({ y: [0, 0, 0, 0, 1, 3, 6, 7], slope: [0, 0, 0, 0, 1, 1, 1, 1] });
  });
  test('relu6', () => {
    expect(curve((x) => x.relu6())).toEqual({ y: [0, 0, 0, 0, 1, 3, 6, 6], slope: [0, 0, 0, 0, 1, 1, 0, 0] });
  });
  test('leakyRelu', () => {
    const { y, slope } = curve((x) => x.leakyRelu(0.5));
    expect(y).toEqual([-2, -1.5, -0.5, 0, 1, 3, 6, 7]);
    expect(slope).toEqual([0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1]);
  });
  test('hardsigmoid', () => {
    const { y, slope } = curve((x) => x.hardsigmoid());
    expect(y.map((v) => v * 6)).toEqual([0, 0, 2, 3, 4, 6, 6, 6]);
    expect(slope.map((v) => Math.round(v * 6))).toEqual([0, 0, 1, 1, 1, 0, 0, 0]);
  });
  test('hardswish', () => {
    const { y } = curve((x) => x.hardswish());
    expect(y.map((v) => Math.round(v * 3) + 0)).toEqual([0, 0, -1, 0, 2, 9, 18, 21]);
  });
  test('clamp passes the gradient at its bounds', () => {
    expect(curve((x) => x.clamp(-3, 3))).toEqual({
      y: [-3, -3, -1, 0, 1, 3, 3, 3],
      slope: [0, 1, 1, 1, 1, 1, 0, 0],
    });
  });
  test('hardtanh does not', () => {
    expect(curve((x) => x.hardtanh(-3, 3))).toEqual({
      y: [-3, -3, -1, 0, 1, 3, 3, 3],
      slope: [0, 0, 1, 1, 1, 0, 0, 0],
    });
    expect(curve((x) => x.hardtanh(0, 6)).slope).toEqual(curve((x) => x.relu6()).slope);
  });
  test('hardtanh in float32', () => {
    const x = tensor([-1, -0.9999999, 0, 0.9999999, 1], { requiresGrad: true });
    x.hardtanh().sum().backward();
    expect(list(x.grad as Tensor)).toEqual([0, 1, 1, 1, 0]);
  });
  test('abs', () => {
    expect(curve((x) => x.abs()).slope).toEqual([-1, -1, -1, 0, 1, 1, 1, 1]);
  });
});

describe('softmax', () => {
  test('of large numbers', () => {
    expect(list(tensor([1000, 1000]).softmax(0))).toEqual([0.5, 0.5]);
    expect(list(tensor([1000, 0]).logSoftmax(0))).toEqual([0, -1000]);
  });
  test('sums to 1 along its dim', () => {
    const y = randn([2, 3, 4], { generator: new Generator(3) }).softmax(1);
    for (const v of list(y.sum(1))) expect(v).toBeCloseTo(1, 6);
  });
});

describe('reductions', () => {
  test('over any dims, in any layout, are loops', () => {
    const cases = shape().chain((s) =>
      fc.record({ x: arrayOf(s), dims: fc.subarray(s.map((_, i) => i)), keepDim: fc.boolean(), layout }),
    );
    fc.assert(
      fc.property(cases, ({ x, dims, keepDim, layout }) => {
        const t = layout(tensorOf(x));
        const out = x.shape.map((d, i) => (dims.includes(i) ? 1 : d));
        const groups = build(out, (i) => i.reduce((n, j, d) => n * out[d] + j, 0));
        const members: number[][] = groups.data.map(() => []);
        for (const i of indices(x.shape)) members[broadcastAt(groups, i)].push(at(x, i));
        const total = (v: number[]) => v.reduce((n, e) => n + e, 0);
        const spread = (v: number[]) => total(v.map((e) => (e - total(v) / v.length) ** 2)) / v.length;
        const negative = dims.map((d) => d - x.shape.length);
        const results: [Tensor, number[]][] = [
          [t.sum(negative, keepDim), members.map(total)],
          [t.mean(dims, keepDim), members.map((v) => total(v) / v.length)],
          [t.amax(dims, keepDim), members.map((v) => Math.max(...v))],
          [t.var(dims, { correction: 0, keepDim }), members.map(spread)],
        ];
        for (const [y, want] of results) {
          expect(y.shape).toEqual(keepDim ? out : out.filter((_, i) => !dims.includes(i)));
          list(y).forEach((v, i) => {
            expect(v).toBeCloseTo(want[i], 9);
          });
        }
      }),
    );
  });

  test('argmax is the first of equals', () => {
    const x = tensor([
      [1, 3, 3],
      [2, 0, 2],
    ]);
    expect(list(x.argmax(1))).toEqual([1, 0]);
    expect(list(x.argmax(0))).toEqual([1, 0, 0]);
    expect(list(argmax(x))).toEqual([1]);
    expect(x.argmax(1).dtype).toBe('int32');
    expect(x.argmax(-1, true).shape).toEqual([2, 1]);
    expect(x.argmax(undefined, true).shape).toEqual([1, 1]);
    expect(list(x.transpose(0, 1).argmax())).toEqual([2]);
  });
  test('amax shares its gradient among equals', () => {
    const x = tensor([[1, 3, 3]], { requiresGrad: true });
    x.amax(1).sum().backward();
    expect(list(x.grad as Tensor)).toEqual([0, 0.5, 0.5]);
  });
  test('of nothing', () => {
    expect(list(zeros([0, 2]).sum(0))).toEqual([0, 0]);
    expect(list(zeros([0]).mean())).toEqual([Number.NaN]);
    expect(list(zeros([2, 0]).sum(0))).toEqual([]);
    expect(() => zeros([0]).amax()).toThrow(/at least one element/);
    expect(() => zeros([0]).argmax()).toThrow(/at least one element/);
    expect(zeros([0, 2]).amax(1).shape).toEqual([0]);
  });
  test('var with a correction', () => {
    const x = tensor([1, 2, 3, 4], { dtype: 'float64' });
    expect(x.var().itemSync()).toBeCloseTo(5 / 3, 12);
    expect(x.var(0, { correction: 0 }).itemSync()).toBe(1.25);
    expect(tensor([1]).var().itemSync()).toBeNaN();
  });
  test('of a 0-d tensor', () => {
    const x = tensor(3);
    expect([x.sum(), x.mean(), x.amax(), x.argmax()].map((t) => [t.shape, t.itemSync()])).toEqual([
      [[], 3],
      [[], 3],
      [[], 3],
      [[], 0],
    ]);
  });
});

test('matmul is the sum over k, batches broadcast', () => {
  const cases = broadcastable.chain(({ a, b, out }) =>
    fc.record({ m: fc.nat(3), k: fc.nat(3), n: fc.nat(3) }).chain(({ m, k, n }) =>
      fc.record({
        a: arrayOf([...a, m, k]),
        b: arrayOf([...b, k, n]),
        out: fc.constant([...out, m, n]),
        layA: layout,
        layB: layout,
      }),
    ),
  );
  fc.assert(
    fc.property(cases, ({ a, b, out, layA, layB }) => {
      const y = matmul(layA(tensorOf(a)), layB(tensorOf(b)));
      const k = a.shape[a.shape.length - 1];
      const want = build(out, (i) => {
        const [m, n] = i.slice(-2);
        let sum = 0;
        for (let j = 0; j < k; j++) {
          sum += broadcastAt({ ...a }, [...i.slice(0, -2), m, j]) * broadcastAt(b, [...i.slice(0, -2), j, n]);
        }
        return sum;
      });
      expect(y.shape).toEqual(out);
      list(y).forEach((v, i) => {
        expect(v).toBeCloseTo(want.data[i], 10);
      });
    }),
  );
});

describe('batchNorm', () => {
  const x = tensor(
    [
      [1, 10],
      [2, 20],
      [3, 60],
    ],
    { dtype: 'float64' },
  );

  test('in training normalises by the batch and moves the running statistics', () => {
    const runningMean = tensor([0, 0], { dtype: 'float64' });
    const runningVar = tensor([1, 1], { dtype: 'float64' });
    const y = batchNorm(x, { runningMean, runningVar, training: true, momentum: 0.5, eps: 0 });
    const s = Math.sqrt(2 / 3);
    expect(list(y).map((v) => v.toFixed(6))).toEqual(
      [-1 / s, -20 / Math.sqrt(1400 / 3), 0, -10 / Math.sqrt(1400 / 3), 1 / s, 30 / Math.sqrt(1400 / 3)].map(
        (v) => v.toFixed(6),
      ),
    );
    expect(list(runningMean)).toEqual([1, 15]);
    // The variance by n - 1.
    expect(list(runningVar)).toEqual([1, 350.5]);
  });

  test('in eval leaves them alone', () => {
    const runningMean = tensor([1, 10], { dtype: 'float64' });
    const runningVar = tensor([4, 100], { dtype: 'float64' });
    const y = batchNorm(x, { runningMean, runningVar, weight: tensor([2, 1], { dtype: 'float64' }), eps: 0 });
    expect(list(y)).toEqual([0, 0, 1, 1, 2, 5]);
    expect(list(runningMean)).toEqual([1, 10]);
  });

  test('in eval the gradient is that of the statistics at forward', () => {
    const runningMean = tensor([0, 0], { dtype: 'float64' });
    const runningVar = tensor([4, 16], { dtype: 'float64' });
    const leaf = tensor([[1, 1]], { dtype: 'float64', requiresGrad: true });
    const y = batchNorm(leaf, { runningMean, runningVar, eps: 0 });
    runningVar.fill_(1);
    y.sum().backward();
    expect(list(leaf.grad as Tensor)).toEqual([0.5, 0.25]);
  });

  test('gives the same in both memory formats', () => {
    const image = randn([2, 3, 4, 5], { generator: new Generator(1) });
    const options = { training: true };
    const a = batchNorm(image, options);
    const b = batchNorm(image.contiguous({ memoryFormat: 'channelsLast' }), options);
    expect(list(a)).toEqual(list(b));
    expect(b.isContiguous('channelsLast')).toBe(true);
  });

  test('refuses what it can not do', () => {
    expect(() => batchNorm(tensor([[1, 2]]), { training: true })).toThrow(
      /more than one value per channel when training/,
    );
    expect(() => batchNorm(x, {})).toThrow(/runningMean and runningVar outside of training/);
    expect(() => batchNorm(x, { training: true, weight: ones([3], { dtype: 'float64' }) })).toThrow(
      /weight \[2\]/,
    );
    const stats = zeros([4]);
    const part = { runningMean: stats.slice(0, 2), runningVar: stats.slice(0, 0, 2) };
    expect(() =>
      batchNorm(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        { ...part, training: true },
      ),
    ).toThrow(/memory of their own/);
  });
});

test('layerNorm normalises each row', () => {
  const y = layerNorm(
    tensor(
      [
        [1, 3],
        [10, 10],
      ],
      { dtype: 'float64' },
    ),
    [2],
    undefined,
    undefined,
    0.5,
  );
  const s = Math.sqrt(1.5);
  expect(list(y).map((v) => v.toFixed(9))).toEqual([-1 / s, 1 / s, 0, 0].map((v) => v.toFixed(9)));
});

describe('losses', () => {
  const logits = tensor(
    [
      [1, 2, 3],
      [1, 1, 1],
    ],
    { dtype: 'float64' },
  );
  const target = tensor(Int32Array.of(2, 0));
  const p = -Math.log(Math.exp(3) / (Math.exp(1) + Math.exp(2) + Math.exp(3)));
  const q = Math.log(3);

  test('crossEntropy by its reductions', () => {
    expect(crossEntropy(logits, target).itemSync()).toBeCloseTo((p + q) / 2, 12);
    expect(crossEntropy(logits, target, { reduction: 'sum' }).itemSync()).toBeCloseTo(p + q, 12);
    expect(list(crossEntropy(logits, target, { reduction: 'none' })).map((v) => v.toFixed(9))).toEqual(
      [p, q].map((v) => v.toFixed(9)),
    );
  });

  test("mean divides by the sum of the targets' weights", () => {
    const weight = tensor([3, 100, 1], { dtype: 'float64' });
    expect(crossEntropy(logits, target, { weight }).itemSync()).toBeCloseTo((p + 3 * q) / 4, 12);
    expect(nllLoss(logits.logSoftmax(1), target, { weight }).itemSync()).toBeCloseTo((p + 3 * q) / 4, 12);
  });

  test('ignored targets count for nothing', () => {
    const some = tensor(Int32Array.of(2, -100));
    expect(crossEntropy(logits, some).itemSync()).toBeCloseTo(p, 12);
    const none = tensor(Int32Array.of(-100, -100));
    expect(crossEntropy(logits, none).itemSync()).toBeNaN();
    expect(crossEntropy(logits, none, { labelSmoothing: 0.5, reduction: 'sum' }).itemSync()).toBe(0);
  });

  test('labelSmoothing mixes in the mean over classes', () => {
    // -log p of the other two classes is p + 1 and p + 2.
    const smooth = [p + 1, q];
    const want = 0.8 * ((p + q) / 2) + 0.2 * ((smooth[0] + smooth[1]) / 2);
    expect(crossEntropy(logits, target, { labelSmoothing: 0.2 }).itemSync()).toBeCloseTo(want, 12);
  });

  test('targets outside of the classes are refused', () => {
    expect(() => crossEntropy(logits, tensor(Int32Array.of(2, 3)))).toThrow(
      'crossEntropy: expected target from 0 to 2, found 3.',
    );
    expect(() => crossEntropy(logits, tensor([2, 0]))).toThrow(/target of dtype int32, found float32/);
    expect(() => crossEntropy(logits, zeros([2, 3], { dtype: 'int32' }))).toThrow(/here \[2\].*one-hot/);
    // @ts-expect-error no such reduction
    expect(() => crossEntropy(logits, target, { reduction: 'max' })).toThrow(
      /'mean', 'sum' or 'none', found 'max'/,
    );
  });

  test('do not broadcast', () => {
    expect(() => tensor([1, 2]).mseLoss(tensor([[1], [2]]))).toThrow(
      /a target of shape \[2\], found \[2, 1\]/,
    );
  });
});

describe('embedding', () => {
  const weight = () =>
    tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { requiresGrad: true },
    );

  test('picks rows, and their gradients add up', () => {
    const w = weight();
    const y = embedding(tensor(Int32Array.of(2, 0, 2, 1), [2, 2]), w);
    expect(y.shape).toEqual([2, 2, 2]);
    expect(list(y)).toEqual([5, 6, 1, 2, 5, 6, 3, 4]);
    y.sum().backward();
    expect(list(w.grad as Tensor)).toEqual([1, 1, 1, 1, 2, 2]);
  });

  test('the padding row learns nothing', () => {
    const w = weight();
    embedding(tensor(Int32Array.of(2, 0, 2)), w, { paddingIdx: -1 })
      .sum()
      .backward();
    expect(list(w.grad as Tensor)).toEqual([1, 1, 0, 0, 0, 0]);
  });

  test('refuses indices outside', () => {
    expect(() => embedding(tensor(Int32Array.of(3)), weight())).toThrow(/index from 0 to 2, found 3/);
    expect(() => embedding(tensor(Int32Array.of(0)), weight(), { paddingIdx: 3 })).toThrow(
      /paddingIdx from -3 to 2/,
    );
  });
});

describe('dropout', () => {
  const x = ones([100, 50]);

  test('keeps the share 1 - p and the mean', () => {
    const y = dropout(x, 0.25, { generator: new Generator(1) });
    const kept = list(y).filter((v) => v !== 0);
    expect(kept.length / x.numel).toBeCloseTo(0.75, 1);
    expect(new Set(kept)).toEqual(new Set([Math.fround(4 / 3)]));
  });
  test('is the tensor itself outside of training and with p = 0', () => {
    expect(dropout(x, 0.5, { training: false })).toBe(x);
    expect(dropout(x, 0)).toBe(x);
    const q = x.quantizePerTensor(0.1, 0, 'quint8');
    expect(dropout(q, 0.5, { training: false })).toBe(q);
  });
  test('with p = 1 leaves zeros', () => {
    expect(list(dropout(ones([3]), 1))).toEqual([0, 0, 0]);
  });
  test('is the same for the same seed, in any memory format', () => {
    const image = randn([2, 3, 4, 5], { generator: new Generator(1) });
    const a = dropout(image, 0.5, { generator: new Generator(9) });
    const b = dropout(image.contiguous({ memoryFormat: 'channelsLast' }), 0.5, {
      generator: new Generator(9),
    });
    expect(list(a)).toEqual(list(b));
    expect(list(a)).not.toEqual(list(dropout(image, 0.5, { generator: new Generator(8) })));
  });
  test('refuses a p outside of 0 … 1', () => {
    expect(() => dropout(x, 1.5)).toThrow(/p from 0 to 1, found 1.5/);
  });
});

describe('tensors without elements', () => {
  const x = zeros([0, 3], { requiresGrad: true });
  const image = zeros([0, 3, 4, 4], { requiresGrad: true });
  test.each<[string, () => Tensor, number[]]>([
    ['relu', () => x.relu(), [0, 3]],
    ['add', () => x.add(zeros([3])), [0, 3]],
    ['mul by one element', () => x.mul(zeros([1])), [0, 3]],
    ['softmax', () => x.softmax(1), [0, 3]],
    ['sum', () => x.sum(), []],
    ['sum over the empty dim', () => x.sum(0), [3]],
    ['matmul', () => x.matmul(zeros([3, 2])), [0, 2]],
    ['matmul over the empty dim', () => x.transpose(0, 1).matmul(zeros([0, 2])), [3, 2]],
    ['linear', () => x.linear(zeros([2, 3]), zeros([2])), [0, 2]],
    ['conv2d', () => image.conv2d(zeros([2, 3, 3, 3]), zeros([2])), [0, 2, 2, 2]],
    ['maxPool2d', () => image.maxPool2d(2), [0, 3, 2, 2]],
    ['avgPool2d', () => image.avgPool2d(2), [0, 3, 2, 2]],
    ['adaptiveAvgPool2d', () => image.adaptiveAvgPool2d(1), [0, 3, 1, 1]],
    ['flatten', () => image.flatten(1), [0, 48]],
    ['layerNorm', () => x.layerNorm([3]), [0, 3]],
    ['dropout', () => x.dropout(0.5), [0, 3]],
    ['pad', () => x.pad([0, 0, 1, 0]), [1, 3]],
    ['contiguous', () => image.contiguous({ memoryFormat: 'channelsLast' }), [0, 3, 4, 4]],
  ])('%s', (_, f, shape) => {
    const y = f();
    expect(y.shape).toEqual(shape);
    const leaf = shape.length === 4 || f.toString().includes('image') ? image : x;
    const [g] = grad(y, [leaf], { gradOutputs: [zeros(shape)] }) as Tensor[];
    expect(g.shape).toEqual(leaf.shape);
  });
});
