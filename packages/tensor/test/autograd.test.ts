import { describe, expect, test } from 'vitest';
import {
  add,
  affine,
  enableGrad,
  grad,
  gradcheck,
  isGradEnabled,
  matmul,
  mul,
  noGrad,
  ones,
  randn,
  record,
  type Tensor,
  tensor,
  zeros,
} from '../src';
import { f64, list } from './support/layouts';

const leaf = (...values: number[]) => tensor(values, { requiresGrad: true });
const gradOf = (t: Tensor) => list(t.grad as Tensor);

describe('backward', () => {
  test('adds up over calls until the gradient is taken away', () => {
    const x = leaf(1, 2);
    x.mul(3).sum().backward();
    expect(gradOf(x)).toEqual([3, 3]);
    x.square().sum().backward();
    expect(gradOf(x)).toEqual([5, 7]);
    x.grad = undefined;
    x.sum().backward();
    expect(gradOf(x)).toEqual([1, 1]);
  });

  test('of a diamond visits each op once', () => {
    const x = leaf(2);
    let visits = 0;
    const y = x.mul(3);
    const shared = record('counted', affine(y.detach(), 1, 0), [y], (g) => {
      visits++;
      return [g];
    });
    shared.square().add(shared.mul(shared)).add(shared).sum().backward();
    // (2s² + s)' · 3 with s = 6
    expect(gradOf(x)).toEqual([75]);
    expect(visits).toBe(1);
  });

  test('frees a gradient once every use has been, but none that lives on', () => {
    const x = leaf(1, 2);
    const seen: Tensor[] = [];
    const watched = (t: Tensor) =>
      record('watched', affine(t.detach(), 1, 0), [t], (g) => {
        seen.push(g);
        return [g];
      });
    // Through the first watched op the gradient is only passed on: its memory becomes x's gradient.
    watched(watched(x).mul(3)).sum().backward();
    expect(seen.map((g) => g.storage.freed)).toEqual([true, false]);
    expect(gradOf(x)).toEqual([3, 3]);
    const given = ones([2]);
    watched(x).backward(given);
    expect(list(given)).toEqual([1, 1]);
    expect(gradOf(x)).toEqual([4, 4]);
  });

  test('of a leaf used many times', () => {
    const w = leaf(2);
    let h = ones([1]);
    for (let i = 0; i < 5; i++) h = h.mul(w);
    h.sum().backward();
    expect(gradOf(w)).toEqual([5 * 16]);
  });

  test('of a chain of thousands of ops', () => {
    const x = leaf(1);
    let y = x.mul(1);
    for (let i = 0; i < 20000; i++) y = y.add(1);
    y.sum().backward();
    expect(gradOf(x)).toEqual([1]);
  });

  test('takes the gradient of what is no single number', () => {
    const x = leaf(1, 2);
    x.mul(2).backward(tensor([1, 10]));
    expect(gradOf(x)).toEqual([2, 20]);
    expect(() => x.mul(2).backward()).toThrow(/a single number, or a gradient.*shape \[2\]/);
    expect(() => x.mul(2).backward(tensor([1]))).toThrow(/a gradient of shape \[2\], found \[1\]/);
    expect(() => x.mul(2).backward(f64([1, 1], [2]))).toThrow(/a gradient of dtype float32, found float64/);
  });

  test('of a leaf itself', () => {
    const x = tensor(3, { requiresGrad: true });
    x.backward();
    expect(gradOf(x)).toEqual([1]);
  });

  test('without a graph is an error', () => {
    expect(() => tensor(1).backward()).toThrow(
      'backward: expected a tensor that was computed from one with requiresGrad, found one that requires no gradient. ' +
        'Set requiresGrad on a parameter or input before the forward pass, and leave noGrad() out of it.',
    );
  });

  test('a second time needs retainGraph', () => {
    const x = leaf(1, 2);
    const y = x.square().sum();
    y.backward(undefined, { retainGraph: true });
    y.backward();
    expect(gradOf(x)).toEqual([4, 8]);
    expect(() => y.backward()).toThrow(
      "backward: expected a graph that has not run backward yet, found the saved tensors of 'sum' already freed. " +
        'A second backward needs the first to keep the graph: backward(undefined, { retainGraph: true }); or run forward again.',
    );
  });

  test('a graph shared with one that ran already is an error, too', () => {
    const x = leaf(1, 2);
    const shared = x.square();
    shared.sum().backward();
    expect(() => shared.mul(2).sum().backward()).toThrow(/saved tensors of 'square' already freed/);
    expect(gradOf(x)).toEqual([2, 4]);
  });

  test('leaves alone what requires no gradient', () => {
    const x = leaf(1, 2);
    const constant = tensor([3, 4]);
    x.mul(constant).sum().backward();
    expect(gradOf(x)).toEqual([3, 4]);
    expect(constant.grad).toBeUndefined();
  });

  test('gradients that no leaf shares with anyone', () => {
    const [a, b] = [leaf(1, 2), leaf(3, 4)];
    const given = tensor([1, 1]);
    a.add(b).backward(given);
    const grads = [a.grad as Tensor, b.grad as Tensor, given];
    expect(new Set(grads.map((g) => g.storage)).size).toBe(3);
    (a.grad as Tensor).fill_(7);
    expect([gradOf(b), list(given)]).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('gradients in memory of their own, laid out as the leaf', () => {
    const x = leaf(1, 2, 3, 4, 5, 6).detach().reshape([2, 3]);
    x.requiresGrad = true;
    x.sum().backward();
    expect(x.grad?.strides).toEqual(x.strides);
    expect(x.grad?.storage.length).toBe(6);
    const w = randn([2, 3, 2, 2]).contiguous({ memoryFormat: 'channelsLast' });
    const v = randn([2, 3, 2, 2]);
    for (const weight of [w, v]) {
      weight.requiresGrad = true;
      randn([1, 3, 4, 4]).conv2d(weight).sum().backward();
      expect(weight.grad?.strides).toEqual(weight.strides);
    }
  });

  test('no gradient of the user is changed in place', () => {
    const x = leaf(1, 2);
    x.sum().backward();
    const before = x.grad as Tensor;
    x.sum().backward();
    expect(list(before)).toEqual([1, 1]);
    expect(gradOf(x)).toEqual([2, 2]);
  });
});

describe('retainGrad', () => {
  test('keeps the gradient of what is no leaf', () => {
    const x = leaf(1, 2);
    const y = x.mul(2).retainGrad();
    const z = y.square();
    z.sum().backward();
    expect(gradOf(y)).toEqual([4, 8]);
    expect(z.grad).toBeUndefined();
  });
});

describe('grad', () => {
  test('gives gradients and touches no .grad', () => {
    const [x, w] = [leaf(1, 2), leaf(3, 4)];
    const [gx, gw] = grad(x.mul(w).sum(), [x, w]) as Tensor[];
    expect([list(gx), list(gw)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    expect([x.grad, w.grad]).toEqual([undefined, undefined]);
  });

  test('of several outputs, with weights', () => {
    const x = leaf(1, 2);
    const outputs = [x.mul(2), x.square().sum()];
    const [g] = grad(outputs, [x], { gradOutputs: [tensor([1, 10]), undefined] }) as Tensor[];
    expect(list(g)).toEqual([2 + 2, 20 + 4]);
  });

  test('of the same output twice', () => {
    const x = leaf(1);
    const y = x.mul(3).sum();
    expect(list(grad([y, y], [x])[0] as Tensor)).toEqual([6]);
  });

  test('with respect to what is no leaf, and to the output', () => {
    const x = leaf(1, 2);
    const h = x.mul(2);
    const y = h.square().sum();
    const [gh, gy] = grad(y, [h, y]) as Tensor[];
    expect(list(gh)).toEqual([4, 8]);
    expect(list(gy)).toEqual([1]);
  });

  test('one output above another', () => {
    const x = leaf(3);
    const h = x.square();
    const [g] = grad([h.mul(2).sum(), h.sum()], [x]) as Tensor[];
    expect(list(g)).toEqual([18]);
  });

  test('an unused input is an error unless allowed', () => {
    const [x, w] = [leaf(1), leaf(2)];
    expect(() => grad(x.sum(), [x, w])).toThrow(
      'grad: expected input 1 to be used by the outputs, found no way from it to them.',
    );
    expect(() => grad(x.sum(), [tensor(1)])).toThrow(/found a tensor that requires no gradient/);
    const [gx, gw] = grad(x.sum(), [x, w], { allowUnused: true });
    expect(list(gx as Tensor)).toEqual([1]);
    expect(gw).toBeUndefined();
  });

  test('does not run twice without retainGraph', () => {
    const x = leaf(1);
    const y = x.square().sum();
    grad(y, [x], { retainGraph: true });
    grad(y, [x]);
    expect(() => grad(y, [x])).toThrow(/grad: .*already freed/);
  });
});

describe('switching', () => {
  test('noGrad and enableGrad nest', () => {
    const x = leaf(1);
    expect(isGradEnabled()).toBe(true);
    const [inside, again] = noGrad(() => [x.mul(2), enableGrad(() => x.mul(2))]);
    expect([inside.requiresGrad, again.requiresGrad, isGradEnabled()]).toEqual([false, true, true]);
  });

  test('is undone by an error', () => {
    expect(() =>
      noGrad(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(isGradEnabled()).toBe(true);
  });

  test('refuses promises, which would outlive it', () => {
    expect(() => noGrad(async () => 1)).toThrow(
      'noGrad: expected a synchronous function, found one that returns a promise. ' +
        'Call noGrad around the synchronous parts: what runs after an await would run in the mode around it.',
    );
    expect(() => enableGrad(() => Promise.resolve(1))).toThrow(/enableGrad/);
    expect(isGradEnabled()).toBe(true);
  });

  test('only leaves can be switched, only floats on', () => {
    const x = leaf(1);
    expect(x.isLeaf).toBe(true);
    const y = x.mul(2);
    expect(y.isLeaf).toBe(false);
    expect(() => {
      y.requiresGrad = false;
    }).toThrow(/requiresGrad: expected a leaf, found the result of 'mul'/);
    const ints = tensor(Int32Array.of(1));
    expect(() => {
      ints.requiresGrad = true;
    }).toThrow(/a float dtype, found int32/);
    x.requiresGrad = false;
    expect(x.mul(2).requiresGrad).toBe(false);
  });

  test('a leaf switched off before backward gets nothing', () => {
    const [x, w] = [leaf(1), leaf(2)];
    const y = x.mul(w);
    w.requiresGrad = false;
    y.sum().backward();
    expect(gradOf(x)).toEqual([2]);
    expect(w.grad).toBeUndefined();
  });

  test('detach cuts', () => {
    const x = leaf(2);
    const cut = x.square().detach();
    expect(cut.requiresGrad).toBe(false);
    x.mul(cut).sum().backward();
    expect(gradOf(x)).toEqual([4]);
  });
});

describe('the graph', () => {
  test('knows its ops', () => {
    const x = leaf(1, 2);
    expect([x.relu(), x.add(x), x.mean(), x.reshape([2, 1])].map((t) => t.gradNode?.op)).toEqual([
      'relu',
      'add',
      'mean',
      'reshape',
    ]);
  });

  test('does not keep what backward has no use for', () => {
    const x = randn([4, 4], { requiresGrad: true });
    const held = (y: Tensor) => new Set(y.gradNode?.inputs);
    // The inputs of an addition are known by the ops that made them.
    const h = x.mul(2);
    const y = add(h, h);
    expect(held(y)).toEqual(new Set([h.gradNode]));
  });

  test('needs no saved operand for a frozen one', () => {
    const frozen = randn([4, 4]);
    const x = randn([4, 4], { requiresGrad: true });
    x.matmul(frozen).sum().backward();
    mul(x, frozen).sum().backward();
    expect(frozen.grad).toBeUndefined();
    expect(x.grad?.shape).toEqual([4, 4]);
  });

  test('ops of other packages record themselves', () => {
    const x = leaf(3);
    const cube = (t: Tensor) =>
      record('cube', t.detach().pow(3), [t], (g) => [g.mul(t.detach().square().mul(3))]);
    cube(x).sum().backward();
    expect(gradOf(x)).toEqual([27]);
  });

  test('frees what a backward function made on the way, and nothing else', () => {
    const x = leaf(3);
    const saved = tensor([5]);
    let between: Tensor | undefined;
    record('scaled', x.detach().mul(10), [x], (g) => {
      between = g.mul(saved);
      return [between.mul(2)];
    })
      .sum()
      .backward();
    expect(between?.storage.freed).toBe(true);
    expect(saved.storage.freed).toBe(false);
    expect(gradOf(x)).toEqual([10]);
  });

  test('flows back through a change of dtype', () => {
    const x = leaf(1.5);
    const y = x.to('float64').square();
    expect(y.dtype).toBe('float64');
    y.sum().backward();
    expect(x.grad?.dtype).toBe('float32');
    expect(gradOf(x)).toEqual([3]);
    expect(x.to('int32').requiresGrad).toBe(false);
  });
});

describe('gradcheck', () => {
  const x = () => f64([1, 2, 3], [3], true);

  test('finds a wrong gradient and says where', () => {
    const wrong = (t: Tensor) =>
      record('wrong', t.detach().square(), [t], (g) => [g.mul(t.detach()).mul(f64([2, 2, 1], [3]))]);
    expect(() => gradcheck(wrong, [x()])).toThrow(
      /gradcheck: expected [-\d.]+ by differences for input 0 at index \[2\], found [-\d.]+/,
    );
  });

  test('finds a missing gradient', () => {
    expect(() => gradcheck((t) => t.detach().mul(2), [x()])).toThrow(/for input 0 at index \[0\], found 0/);
  });

  test('takes several inputs and outputs, and leaves constants alone', () => {
    gradcheck((a, b) => [a.mul(b), a.sum()], [x(), f64([4, 5, 6], [3])]);
    gradcheck((a, b) => matmul(a, b), [f64([1, 2], [1, 2], true), f64([3, 4], [2, 1], true)]);
  });

  test('wants float64 and something to check', () => {
    expect(() => gradcheck((t) => t, [leaf(1)])).toThrow(/float64 for input 0, found float32/);
    expect(() => gradcheck((t) => t, [zeros([1])])).toThrow(/an input with requiresGrad/);
  });
});
