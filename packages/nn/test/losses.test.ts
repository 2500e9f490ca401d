import { ArgumentError, DTypeError, ShapeError } from '@octet/backend';
import { randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  BCELoss,
  BCEWithLogitsLoss,
  CosineEmbeddingLoss,
  CosineSimilarity,
  CTCLoss,
  functional as F,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  PairwiseDistance,
  SmoothL1Loss,
  TripletMarginLoss,
} from '../src';

const labels = (values: number[]) => tensor(Int32Array.from(values), [values.length]);

describe('modules give what their functions do', () => {
  const [a, b, c] = [randn([4, 3]), randn([4, 3]), randn([4, 3])];
  const p = a.sigmoid();
  const y = b.sigmoid();
  const weight = tensor([1, 2, 0.5]);
  const steps = randn([5, 2, 4]).logSoftmax(2);
  test.each<[string, () => Tensor, () => Tensor]>([
    ['L1Loss', () => new L1Loss({ reduction: 'sum' }).call(a, b), () => F.l1Loss(a, b, { reduction: 'sum' })],
    ['SmoothL1Loss', () => new SmoothL1Loss({ beta: 2 }).call(a, b), () => F.smoothL1Loss(a, b, { beta: 2 })],
    ['HuberLoss', () => new HuberLoss({ delta: 0.3 }).call(a, b), () => F.huberLoss(a, b, { delta: 0.3 })],
    ['BCELoss', () => new BCELoss({ weight }).call(p, y), () => F.binaryCrossEntropy(p, y, { weight })],
    [
      'BCEWithLogitsLoss',
      () => new BCEWithLogitsLoss({ weight, posWeight: weight, reduction: 'none' }).call(a, y),
      () => F.binaryCrossEntropyWithLogits(a, y, { weight, posWeight: weight, reduction: 'none' }),
    ],
    [
      'KLDivLoss',
      () => new KLDivLoss({ reduction: 'batchMean' }).call(p.log(), y),
      () => F.klDiv(p.log(), y, { reduction: 'batchMean' }),
    ],
    [
      'CosineEmbeddingLoss',
      () => new CosineEmbeddingLoss({ margin: 0.1 }).call(a, b, labels([1, -1, 1, -1])),
      () => F.cosineEmbeddingLoss(a, b, labels([1, -1, 1, -1]), { margin: 0.1 }),
    ],
    [
      'TripletMarginLoss',
      () => new TripletMarginLoss({ margin: 3, swap: true }).call(a, b, c),
      () => F.tripletMarginLoss(a, b, c, { margin: 3, swap: true }),
    ],
    [
      'CTCLoss',
      () => new CTCLoss({ blank: 3 }).call(steps, [[1], [0, 0]], [4, 5]),
      () => F.ctcLoss(steps, [[1], [0, 0]], [4, 5], undefined, { blank: 3 }),
    ],
    ['CosineSimilarity', () => new CosineSimilarity().call(a, b), () => F.cosineSimilarity(a, b)],
    [
      'PairwiseDistance',
      () => new PairwiseDistance({ p: 1 }).call(a, b),
      () => F.pairwiseDistance(a, b, { p: 1 }),
    ],
  ])('%s', (_, module, f) => {
    expect(module().dataSync()).toEqual(f().dataSync());
    expect(module().dataSync().every(Number.isFinite)).toBe(true);
  });
});

test('the weights of losses are buffers', () => {
  const loss = new BCEWithLogitsLoss({ weight: tensor([1]), posWeight: tensor([2]) });
  expect(Object.keys(loss.stateDict())).toEqual(['weight', 'pos_weight']);
  expect(Object.keys(new BCELoss().stateDict())).toEqual([]);
});

describe('numbers at the ends', () => {
  const of = (t: Tensor) => Array.from(t.dataSync());

  test('binary cross-entropy of certainty is at most 100, PyTorch’s bound', () => {
    const y = F.binaryCrossEntropy(tensor([0, 1, 0, 1]), tensor([0, 1, 1, 0]), { reduction: 'none' });
    expect(of(y)).toEqual([0, 0, 100, 100].map((v) => expect.closeTo(v, 6)));
  });

  test('binary cross-entropy with logits keeps its digits where the sigmoid has none left', () => {
    const x = tensor([-200, 200, 40, -40]);
    const y = F.binaryCrossEntropyWithLogits(x, tensor([1, 0, 1, 0]), { reduction: 'none' });
    expect(of(y).slice(0, 2)).toEqual([200, 200]);
    expect(of(y)[2]).toBeLessThan(1e-16);
  });

  test('differences that are infinite or NaN stay so', () => {
    const d = tensor([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
    for (const f of [F.smoothL1Loss, F.huberLoss, F.l1Loss]) {
      expect(of(f(d, zeros([3]), { reduction: 'none' }))).toEqual([
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
        Number.NaN,
      ]);
    }
  });

  test('zero vectors have a cosine of 0, and a gradient', () => {
    const x = zeros([1, 3], { requiresGrad: true });
    const y = F.cosineSimilarity(x, tensor([[1, 2, 3]]));
    expect(of(y)).toEqual([0]);
    y.sum().backward();
    expect(of(x.grad as Tensor).every(Number.isFinite)).toBe(true);
  });

  test('CTC: labels that don’t fit have an infinite loss, or none', () => {
    const x = zeros([2, 1, 3]).logSoftmax(2);
    expect(F.ctcLoss(x, [[1, 1]]).itemSync()).toBe(Number.POSITIVE_INFINITY);
    expect(F.ctcLoss(x, [[1, 1]], undefined, undefined, { zeroInfinity: true }).itemSync()).toBe(0);
    // Two steps of three equal classes: 1, blank-1 or 1-blank of nine.
    expect(F.ctcLoss(x, [[1]]).itemSync()).toBeCloseTo(Math.log(3), 6);
    expect(F.ctcLoss(x, [[]]).itemSync()).toBeCloseTo(Math.log(9), 6);
    expect(F.ctcLoss(x.squeeze(1), labels([2]), undefined, undefined, { reduction: 'none' }).shape).toEqual(
      [],
    );
  });
});

describe('refusals', () => {
  const x = zeros([3, 2, 4]);
  const [a, b] = [zeros([2, 3]), zeros([3, 2])];
  test.each<[string, () => unknown, new (...args: never[]) => Error, string]>([
    [
      'shapes',
      () => F.huberLoss(a, b),
      ShapeError,
      'huberLoss: expected a target of shape [2, 3], found [3, 2]',
    ],
    ['bce shapes', () => F.binaryCrossEntropy(a, b), ShapeError, 'binaryCrossEntropy'],
    ['weights', () => F.binaryCrossEntropy(a, a, { weight: zeros([2]) }), ShapeError, 'binaryCrossEntropy'],
    [
      'larger weights',
      () => F.binaryCrossEntropyWithLogits(a, a, { posWeight: zeros([5, 2, 3]) }),
      ShapeError,
      'posWeight that broadcasts to [2, 3]',
    ],
    ['delta', () => F.huberLoss(a, a, { delta: 0 }), ArgumentError, 'delta > 0'],
    ['beta', () => new SmoothL1Loss({ beta: -1 }), ArgumentError, 'beta >= 0'],
    ['reduction', () => F.klDiv(a, a, { reduction: 'median' as 'mean' }), ArgumentError, 'reduction'],
    ['integers', () => F.huberLoss(labels([1]), labels([1])), DTypeError, 'huberLoss'],
    ['pairs', () => F.cosineEmbeddingLoss(a, a, labels([1])), ShapeError, 'two inputs [N, D] and target [N]'],
    ['norm', () => F.pairwiseDistance(a, a, { p: 0 }), ArgumentError, 'p > 0'],
    ['margin', () => F.tripletMarginLoss(a, a, a, { margin: 0 }), ArgumentError, 'margin > 0'],
    ['negative', () => F.tripletMarginLoss(a, a, b), ShapeError, 'tripletMarginLoss'],
    ['ctc batch', () => F.ctcLoss(x, [[1]]), ShapeError, 'labels of 2 examples'],
    [
      'ctc blank label',
      () => F.ctcLoss(x, [[1], [0]]),
      ArgumentError,
      'labels from 0 to 3, without the blank 0',
    ],
    ['ctc classes', () => F.ctcLoss(x, [[1], [4]]), ArgumentError, 'labels from 0 to 3'],
    ['ctc lengths', () => F.ctcLoss(x, [[1], [2]], [3, 4]), ArgumentError, 'inputLengths from 1 to 3'],
    ['ctc counts', () => F.ctcLoss(x, [[1], [2]], [3]), ArgumentError, 'a list of 2 numbers'],
    [
      'ctc targets',
      () => F.ctcLoss(x, [[1], [2]], [3, 3], [1, 2]),
      ArgumentError,
      'targetLengths from 0 to 1',
    ],
    ['ctc floats', () => F.ctcLoss(x, zeros([2, 1])), ShapeError, '[2, 1] of float32'],
    ['option', () => new CTCLoss({ zero_infinity: true } as object), ArgumentError, "'zeroInfinity'"],
  ])('%s', (_, run, type, message) => {
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});
