import { BatchNorm2d, Conv2d, Sequential } from '@octet/nn';
import { getBackend, noGrad, randn, type Tensor } from '@octet/tensor';
import { expect, test } from 'vitest';
import {
  FakeQuantize,
  FusedMovingAvgObsFakeQuantize,
  fuseModulesQat,
  getDefaultQatQConfigMapping,
  LearnableFakeQuantize,
  prepareQat,
  QConfig,
  QConfigMapping,
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
