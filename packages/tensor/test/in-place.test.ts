import { AutogradError } from '@octet/backend';
import { describe, expect, test } from 'vitest';
import {
  batchNorm,
  conv2d,
  embedding,
  fromData,
  grad,
  kernel,
  layerNorm,
  linear,
  nllLoss,
  noGrad,
  ones,
  randn,
  record,
  type Tensor,
  tensor,
  zeros,
} from '../src';
import { differentiable, inputsOf } from './support/differentiable';
import { layouts, list } from './support/layouts';

const leaf = (...values: number[]) => tensor(values, { requiresGrad: true });
const overwrite = (t: Tensor, value = 100) => noGrad(() => t.fill_(value));

/** What `fn` throws. */
function thrown(fn: () => unknown): AutogradError {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(AutogradError);
    return error as AutogradError;
  }
  throw new Error('nothing was thrown');
}

describe.each(Object.entries(differentiable))('%s', (_, entry) => {
  /** The gradients of all inputs, after `change` of inputs and outputs between forward and backward. */
  function gradients(layout: (t: Tensor) => Tensor, change: (inputs: Tensor[], outputs: Tensor[]) => void) {
    const inputs = inputsOf(entry, 'float64').map(layout);
    for (const x of inputs) x.requiresGrad = true;
    const outputs = [entry.fn(...inputs)].flat();
    const sums = outputs.map((y) => y.mul(randn(y.shape, { dtype: 'float64' })).sum());
    change(inputs, outputs);
    return (grad(sums, inputs) as Tensor[]).map(list);
  }

  test.each(Object.entries(layouts))('an input or output changed after forward, %s', (_, layout) => {
    const untouched = gradients(layout, () => {});
    const places = [
      ...entry.inputs.map((_, i) => (inputs: Tensor[]) => inputs[i]),
      (_: Tensor[], [y]: Tensor[]) => y,
    ];
    for (const place of places) {
      let after: number[][];
      try {
        after = gradients(layout, (inputs, outputs) => overwrite(place(inputs, outputs), 0.25));
      } catch (error) {
        expect(error).toBeInstanceOf(AutogradError);
        expect((error as AutogradError).found).toMatch(/^version \d+: '.*' has changed it in place$/);
        continue;
      }
      expect(after).toEqual(untouched);
    }
  });
});

describe('the error names op, operand and change', () => {
  test('of a product', () => {
    const [w, x] = [leaf(2), leaf(3)];
    const y = w.mul(x).sum();
    noGrad(() => w.copy_(tensor([100])));
    expect(() => y.backward()).toThrow(
      "backward: expected a [1] of 'mul' as in the forward pass (version 0), " +
        "found version 1: 'copy_' has changed it in place. " +
        'Change it after backward(), or change a clone(); noGrad() makes no difference.',
    );
    expect(() => grad(w.mul(x).mul(y.detach()), [w, x])).not.toThrow();
    expect([w.grad, x.grad]).toEqual([undefined, undefined]);
  });

  test.each<[string, string, () => [y: Tensor, changed: Tensor]]>([
    [
      'weight [2, 3]',
      'linear',
      () => {
        const w = randn([2, 3], { requiresGrad: true });
        return [linear(randn([4, 3], { requiresGrad: true }), w), w];
      },
    ],
    [
      'x [4, 3]',
      'linear',
      () => {
        const x = randn([4, 3]);
        return [linear(x, randn([2, 3], { requiresGrad: true })), x];
      },
    ],
    [
      'weight [2, 1, 2, 2]',
      'conv2d',
      () => {
        // Laid out as its kernel takes it: otherwise the op has saved a copy.
        const w = randn([2, 1, 2, 2]);
        return [conv2d(randn([1, 1, 3, 3], { requiresGrad: true }), w), w];
      },
    ],
    [
      'weight [3]',
      'batchNorm',
      () => {
        const weight = ones([3]);
        return [batchNorm(randn([4, 3], { requiresGrad: true }), { weight, training: true }), weight];
      },
    ],
    [
      'weight [3]',
      'layerNorm',
      () => {
        const weight = ones([3]);
        return [layerNorm(randn([4, 3], { requiresGrad: true }), [3], weight), weight];
      },
    ],
    [
      'output [2]',
      'exp',
      () => {
        const y = leaf(1, 2).exp();
        return [y.mul(2), y];
      },
    ],
    [
      'b [2]',
      'div',
      () => {
        const b = leaf(1, 2);
        return [leaf(1, 2).div(b), b];
      },
    ],
    [
      'target [2]',
      'nllLoss',
      () => {
        const target = tensor([0, 1], { dtype: 'int32' });
        const logProbs = randn([2, 3], { requiresGrad: true });
        return [nllLoss(logProbs, target, { reduction: 'none' }), target];
      },
    ],
    [
      'index [2]',
      'embedding',
      () => {
        const index = tensor([0, 1], { dtype: 'int32' });
        return [embedding(index, randn([2, 3], { requiresGrad: true })), index];
      },
    ],
  ])('%s of %s', (operand, op, make) => {
    const [y, changed] = make();
    noGrad(() => changed.fill_(0));
    const { expected, found } = thrown(() => y.sum().backward());
    expect(expected).toContain(`${operand} of '${op}' as in the forward pass`);
    expect(found).toMatch(/^version \d+: 'fill_' has/);
  });

  test('an optimizer that steps too early', () => {
    const [w, x] = [leaf(2), leaf(3)];
    const y = w.mul(x).sum();
    const attrs = {
      lr: 1,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
      firstStep: false,
    };
    kernel.run('sgdStep', { grad: tensor([1]) }, { param: w, momentumBuffer: undefined }, attrs);
    expect(thrown(() => y.backward()).message).toMatch(
      /'sgdStep' has changed it in place\. Call backward\(\) before optimizer\.step\(\), or run forward again/,
    );
  });
});

describe('views share the counter', () => {
  const cases: Record<string, (base: Tensor) => Tensor> = {
    slice: (t) => t.slice(0, 0, 1),
    select: (t) => t.select(0, 1),
    reshape: (t) => t.reshape([2, 1]),
    expand: (t) => t.expand([3, 2]),
    detach: (t) => t.detach(),
  };
  test.each(Object.entries(cases))('%s', (_, view) => {
    const [w, x] = [leaf(2, 5), leaf(3, 4)];
    // Changed through a view of what was saved.
    const y = w.mul(x).sum();
    if (view(w).numel <= w.numel) {
      overwrite(view(w));
      thrown(() => y.backward());
    }
    // A view was saved, and its base is changed.
    const z = view(w).mul(2).exp().mul(view(w)).sum();
    overwrite(w);
    thrown(() => z.backward());
  });
});

test('an error leaves all gradients as they were', () => {
  const [a, b] = [leaf(1), leaf(2)];
  a.mul(b).sum().backward();
  const [first, second] = [a.grad, b.grad];
  const saved = a.mul(b);
  // Reached before the product.
  const y = saved.add(a.mul(5)).add(b).sum();
  overwrite(b);
  thrown(() => y.backward());
  expect([a.grad === first, b.grad === second]).toEqual([true, true]);
  expect([list(a.grad as Tensor), list(b.grad as Tensor)]).toEqual([[2], [1]]);
});

test('a second backward over a kept graph looks again', () => {
  const [w, x] = [leaf(2), leaf(3)];
  const y = w.mul(x).sum();
  y.backward(undefined, { retainGraph: true });
  overwrite(w);
  thrown(() => y.backward());
  expect([list(w.grad as Tensor), list(x.grad as Tensor)]).toEqual([[3], [2]]);
});

test('what a backward function reads on the host is looked at, too, and what it hands on', () => {
  const scale = tensor([3]);
  const read = (x: Tensor) => record('read', x.detach().mul(3), { x }, (g) => [g.mul(scale.dataSync()[0])]);
  const hand = (x: Tensor) => record('hand', x.detach().mul(scale), [x], () => [scale]);
  for (const op of [read, hand]) {
    const x = leaf(1);
    const y = op(x).sum();
    overwrite(scale, 7);
    expect(thrown(() => y.backward()).expected).toContain(`of '${op.name}'`);
  }
});

test('a gradient that the user fills again for each pass is no saved tensor', () => {
  const x = leaf(1, 2);
  const given = zeros([2]);
  const y = x.mul(2).mul(3);
  given.fill_(1);
  y.backward(given);
  expect(list(x.grad as Tensor)).toEqual([6, 6]);
});

describe('what PyTorch allows', () => {
  test('changing what no op saved: sums, products with numbers, views, the input of relu', () => {
    const cases: ((x: Tensor) => Tensor)[] = [
      (x) => x.add(1),
      (x) => x.add(x),
      (x) => x.sub(2),
      (x) => x.mul(2),
      (x) => x.reshape([2, 1]),
      (x) => x.slice(0, 0, 1),
      (x) => x.mean(),
      (x) => x.relu(),
      (x) => x.clone(),
    ];
    for (const f of cases) {
      const x = leaf(1, 2);
      const expected = list(grad(f(x).sum(), [x])[0] as Tensor);
      const y = f(x).sum();
      overwrite(x, -5);
      expect(list(grad(y, [x])[0] as Tensor)).toEqual(expected);
    }
  });

  test('changing the weight of a layer whose input wants no gradient', () => {
    const w = randn([2, 3], { requiresGrad: true });
    const y = linear(randn([4, 3]), w).sum();
    overwrite(w);
    y.backward();
    expect(w.grad).toBeDefined();
  });

  test('running statistics that move between two forward passes', () => {
    const [runningMean, runningVar] = [zeros([3]), ones([3])];
    const x = randn([4, 3], { requiresGrad: true });
    for (const training of [true, false]) {
      const first = batchNorm(x, { runningMean, runningVar, training });
      const second = batchNorm(x.mul(2), { runningMean, runningVar, training: true });
      first.add(second).square().sum().backward();
    }
  });

  test('a buffer filled again after its op had saved a copy of it', () => {
    const w = leaf(2);
    const buffer = tensor([3]);
    const y = w.mul(buffer.clone()).sum();
    buffer.fill_(9);
    y.backward();
    expect(list(w.grad as Tensor)).toEqual([3]);
  });
});

describe('copy_ and fill_ are refused where they would have to be recorded', () => {
  const x = leaf(1, 2);
  const cases: [string, () => unknown, RegExp][] = [
    ['fill_ of a leaf', () => x.fill_(0), /fill_: .* a target \[2\] that requires one\. Use noGrad/],
    ['copy_ to a leaf', () => x.copy_(zeros([2])), /copy_: .* a target \[2\]/],
    ['a view of a leaf', () => x.slice(0, 0, 1).fill_(0), /fill_: .* a target \[1\]/],
    ['a result', () => x.mul(2).fill_(0), /fill_: .* a target \[2\]/],
    ['a source with a gradient', () => zeros([2]).copy_(x), /a source \[2\] .* Use source\.detach/],
  ];
  test.each(cases)('%s', (_, fn, message) => {
    expect(fn).toThrow(AutogradError);
    expect(fn).toThrow(message);
    expect(list(x)).toEqual([1, 2]);
    expect(noGrad(fn)).toBeDefined();
    noGrad(() => x.copy_(fromData([1, 2], [2])));
  });

  test('detached, they pass', () => {
    const w = leaf(1, 2);
    w.detach().fill_(4);
    zeros([2]).copy_(w.detach());
    expect(list(w)).toEqual([4, 4]);
  });
});
