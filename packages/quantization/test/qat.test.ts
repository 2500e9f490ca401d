import { addDispatchHook } from '@octet/backend';
import { BatchNorm2d, Conv2d, ReLU, Sequential } from '@octet/nn';
import { getBackend, manualSeed, noGrad, randn, type Tensor, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  convert,
  FakeQuantize,
  FusedMovingAvgObsFakeQuantize,
  fuse,
  fuseModulesQat,
  getDefaultQatQConfigMapping,
  LearnableFakeQuantize,
  type MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  prepareQat,
  QConfig,
  QConfigMapping,
  QuantWrapper,
  qat,
} from '../src';
import { SmallNet } from './models';

const mapping = getDefaultQatQConfigMapping('x86');
const prepared = () => prepareQat(new SmallNet().train().fuseModel(), mapping, { inplace: true });

const bytes = () => getBackend().memory?.().bytes as number;

test('a step of training leaves behind the gradients and little else', () => {
  const layers = new Sequential(new Conv2d(16, 32, 3, { bias: false }), new BatchNorm2d(32)).train();
  fuseModulesQat(layers, ['0', '1']);
  const model = prepareQat(new Sequential(layers).train(), mapping, { inplace: true });
  const x = randn([2, 16, 4, 4]);
  const step = () => model.call(x).square().mean().backward();
  step();
  model.zeroGrad();
  const before = bytes();
  step();
  const gradients = model.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  // Not even one copy of the weight, 18 kB; the output, which nobody frees, has 1 kB.
  expect(bytes() - before).toBeLessThan(gradients + 10_000);
});

test('a fused convolution frees no weight that a hook may hold', () => {
  const model = prepared();
  const [conv] = model.modules().filter((module) => module instanceof qat.ConvBn2d);
  const seen: Tensor[] = [];
  conv.weightFakeQuant.registerForwardHook((_, [input], output) => void seen.push(input, output));
  conv
    .call(randn([2, 3, 5, 5]))
    .sum()
    .backward();
  for (const t of seen) expect(t.dataSync()).toHaveLength(8 * 3 * 3 * 3);
  expect(seen).toHaveLength(2);
});

test('a fused convolution computes conv(x, W′) / s, and its gradients', () => {
  const model = prepared();
  const conv = model.modules().find((m) => m instanceof qat.ConvBn2d && m.groups === 8) as qat.ConvBn2d;
  const { bn, weight, bias, weightFakeQuant } = conv;
  const gamma = bn.weight as Tensor;
  noGrad(() => gamma.copy_(randn([8])));
  bn.runningVar?.copy_(randn([8]).square().add(0.1));
  const x = randn([2, 8, 5, 4], { requiresGrad: true });
  const away = randn([2, 8, 5, 4]);
  const inputs = [x, weight, gamma, bias as Tensor];
  // In evaluation bias and γ count, and the running statistics stay.
  bn.eval();
  const gradients = (y: Tensor) => {
    y.mul(away).sum().backward();
    return inputs.map((t) => {
      const g = t.grad as Tensor;
      t.grad = undefined;
      return Array.from(g.dataSync());
    });
  };
  // Not by call: its hook rounds the output.
  const y = conv.forward(x);
  const s = gamma.div((bn.runningVar as Tensor).add(bn.eps).sqrt());
  const folded = weightFakeQuant.call(weight.mul(s.reshape([8, 1, 1, 1])));
  const plain = x.conv2d(folded, undefined, conv.options).div(s.reshape([1, 8, 1, 1]));
  const expected = bn.call(plain.add((bias as Tensor).reshape([1, 8, 1, 1])));
  const [ours, theirs] = [y, expected].map((out) => [Array.from(out.dataSync()), ...gradients(out)]);
  ours.forEach((values, i) => {
    values.forEach((v, j) => {
      expect(Math.abs(v - theirs[i][j])).toBeLessThan(1e-3 * (1 + Math.abs(v)));
    });
  });
});

const perTensor = { dtype: 'qint8', qscheme: 'perTensorSymmetric' };
const perChannel = {
  ...{ observer: MovingAveragePerChannelMinMaxObserver, dtype: 'qint8', qscheme: 'perChannelSymmetric' },
};

describe.each([
  ['per tensor', perTensor],
  ['per channel', perChannel],
  ['per channel, affine', { ...perChannel, qscheme: 'perChannelAffine', reduceRange: true }],
])('the fused fake quantizer, %s', (_, options) => {
  /** Of someone's own: every kernel by itself. */
  class Composed extends FusedMovingAvgObsFakeQuantize {}

  const kernelsOf = (run: () => void) => {
    const kernels: string[] = [];
    const stop = addDispatchHook(({ kernel }, next) => {
      kernels.push(kernel);
      next();
    });
    try {
      run();
    } finally {
      stop();
    }
    return kernels;
  };

  /** Steps with the observer and without, and all that they leave. */
  function steps(Class: typeof FusedMovingAvgObsFakeQuantize) {
    manualSeed(3);
    const fake = new Class({ averagingConstant: 0.2, ...options });
    return [1, 3, 0.5, 2].map((size, i) => {
      fake.enableObserver(i !== 2);
      const x = randn([5, 3, 3, 2]).mul(size).detach();
      x.requiresGrad = true;
      const y = fake.call(x);
      y.mul(randn(y.shape)).sum().backward();
      const { minVal, maxVal } = fake.activationPostProcess as MovingAverageMinMaxObserver;
      const { scale, zeroPoint } = fake;
      return [y, x.grad as Tensor, minVal, maxVal, scale, zeroPoint].map((t) => Array.from(t.dataSync()));
    });
  }

  test('computes what its parts do, to the last bit', () => {
    expect(steps(FusedMovingAvgObsFakeQuantize)).toEqual(steps(Composed));
  });

  test('is one kernel, unless its observer has a hook', () => {
    const fake = new FusedMovingAvgObsFakeQuantize(options);
    const x = randn([5, 3, 3, 2]);
    expect(kernelsOf(() => fake.call(x)).filter((k) => k !== 'fill')).toEqual(['fusedMovingAvgObsFakeQuant']);
    let seen = 0;
    fake.activationPostProcess.registerForwardHook(() => {
      seen += 1;
    });
    expect(kernelsOf(() => fake.call(x))).toEqual(['observeMinMax', 'chooseQparams', 'fakeQuantize']);
    expect(seen).toBe(1);
  });

  test('of a weight times a normalisation, over it, has the gradients of the parts', () => {
    const results = [true, false].map((fused) => {
      manualSeed(5);
      const fake = new FusedMovingAvgObsFakeQuantize(options);
      const x = randn([5, 3, 3, 2], { requiresGrad: true });
      const weight = tensor([1.5, -0.25, 3, -7, 0.01], { requiresGrad: true });
      const variance = tensor([0.5, 0, 2, 1, 0.1]);
      const away = randn(x.shape);
      expect(fake.canScale(x)).toBe(true);
      const s = weight.div(variance.add(0.25).sqrt()).reshape([5, 1, 1, 1]);
      const y = fused ? fake.scaled(x, { weight, variance, eps: 0.25 }) : fake.call(x.mul(s)).div(s);
      y.mul(away).sum().backward();
      return [y, x.grad, weight.grad, fake.scale, fake.zeroPoint].map((t) =>
        Array.from((t as Tensor).dataSync()),
      );
    });
    results[0].forEach((values, i) => {
      values.forEach((v, j) => {
        expect(Math.abs(v - results[1][i][j])).toBeLessThan(1e-4 * (1 + Math.abs(v)));
      });
    });
  });
});

test('a step of a fused convolution runs 5 kernels more than of one in float', () => {
  const count = (layers: Sequential) => {
    const x = randn([2, 3, 6, 6]);
    layers.call(x).square().mean().backward();
    let kernels = 0;
    const stop = addDispatchHook((_, run) => {
      kernels += 1;
      run();
    });
    layers.call(x).square().mean().backward();
    stop();
    return kernels;
  };
  const layers = () => new Sequential(new Conv2d(3, 8, 3), new BatchNorm2d(8), new ReLU()).train();
  const fused = layers();
  fuseModulesQat(fused, ['0', '1', '2']);
  expect(count(prepareQat(fused, mapping)) - count(layers())).toBe(5);
});

test.each([
  ['fused', FusedMovingAvgObsFakeQuantize],
  ['plain', FakeQuantize],
  ['learnable', LearnableFakeQuantize],
])(
  'two forward passes before one backward: %s fake quantizers move their ranges in place',
  (_, FakeQuant) => {
    const activation = FakeQuant.withArgs({});
    const weight = FakeQuant.withArgs({ dtype: 'qint8', qscheme: 'perTensorSymmetric' });
    const recipe = new QConfigMapping().setGlobal(new QConfig({ activation, weight }));
    const model = prepareQat(new SmallNet().train().fuseModel(), recipe, { inplace: true });
    const [first, second] = [model.call(randn([2, 3, 5, 5])), model.call(randn([2, 3, 5, 5]).mul(3))];
    first.add(second).square().mean().backward();
    for (const p of model.parameters()) expect(p.grad?.dataSync().every(Number.isFinite)).not.toBe(false);
  },
);
describe('batch normalisation whose γ vanishes', () => {
  const x = randn([4, 2, 5, 5]);

  /** Two steps and what they leave, by either path. `gamma` is one channel's of three. */
  function run(gamma: number, change: (layer: qat.ConvBn2d) => void, fused: boolean) {
    manualSeed(7);
    const layers = new Sequential(new Conv2d(2, 3, 3), new BatchNorm2d(3), ...(fused ? [new ReLU()] : []));
    const bn = layers.at(1) as BatchNorm2d;
    noGrad(() => {
      bn.weight?.copy_(tensor([1, gamma, -0.5]));
      bn.bias?.copy_(tensor([0.1, 1, 0.5]));
    });
    const model = prepareQat(fuse(new QuantWrapper(layers)), getDefaultQatQConfigMapping('qnnpack'));
    const layer = model.modules().find((m) => m instanceof qat.ConvBn2d) as qat.ConvBn2d;
    change(layer);
    model.call(x);
    const y = model.call(x);
    y.mul(x.slice(1, 0, 1).slice(2, 0, 3).slice(3, 0, 3))
      .sum()
      .backward();
    const inEvaluation = noGrad(() => model.eval().call(x));
    const { weight, runningMean, runningVar } = layer.bn;
    const of = (t: Tensor | undefined) => [...(t as Tensor).dataSync()];
    return {
      y: of(y),
      inEvaluation: of(inEvaluation),
      gammaGrad: of(weight?.grad),
      weightGrad: of(layer.weight.grad),
      runningMean: of(runningMean),
      runningVar: of(runningVar),
    };
  }

  const fast = () => {};
  const slow = (layer: qat.ConvBn2d) => {
    layer.slowPath = true;
  };
  /** A hook wants to see the weight: it is quantized by several kernels, not one. */
  const hooked = (layer: qat.ConvBn2d) => {
    layer.weightFakeQuant.registerForwardHook(() => {});
  };
  const guarded = (layer: qat.ConvBn2d) => {
    hooked(layer);
    // Whoever looks for a γ that is too small to divide by finds one.
    Object.defineProperty(layer.bn.weight, 'dataSync', { value: () => new Float32Array(3) });
  };

  test.each([
    [0, false, hooked],
    [1e-39, true, hooked],
    [0, true],
    [0, false],
    [-0, true],
    [1e-45, false],
    [1e-39, true],
    [-1e-38, false],
    [1e-30, true],
    [-1e-20, false],
    [1e-12, true],
  ] as [number, boolean, typeof hooked?][])(
    '%s, with ReLU: %s: the same as the slow path',
    (gamma, relu, path = fast) => {
      const [a, b] = [run(gamma, path, relu), run(gamma, slow, relu)];
      for (const values of Object.values(a)) for (const v of values) expect(Number.isFinite(v)).toBe(true);
      const dead = (values: number[]) => values.slice(values.length / 3, (2 * values.length) / 3);
      for (const key of ['runningMean', 'runningVar', 'gammaGrad', 'weightGrad'] as const) {
        dead(a[key]).forEach((v, i) => {
          expect(v).toBeCloseTo(dead(b[key])[i], 3);
        });
      }
      // What the dead channel gives is β, in its grid.
      for (const y of [a.y, a.inEvaluation])
        y.forEach((v, i) => {
          if (Math.floor(i / 9) % 3 === 1) expect(v).toBeCloseTo(1, 1);
        });
    },
  );

  test('γ that has died can come back', () => {
    expect(Math.abs(run(0, fast, false).gammaGrad[1])).toBeGreaterThan(0.1);
  });

  test.each([1, 0.01, -0.3])('%s: the guard changes no bit', (gamma) => {
    expect(run(gamma, guarded, true)).toEqual(run(gamma, hooked, true));
  });

  test('converted, it is finite', async () => {
    const layers = new Sequential(new Conv2d(2, 3, 3), new BatchNorm2d(3), new ReLU());
    noGrad(() => (layers.at(1) as BatchNorm2d).weight?.fill_(0));
    const model = prepareQat(fuse(new QuantWrapper(layers)), getDefaultQatQConfigMapping('qnnpack'));
    model.call(x);
    const int8 = await convert(model.eval());
    expect([...noGrad(() => int8.call(x)).dataSync()].every(Number.isFinite)).toBe(true);
  });
});
