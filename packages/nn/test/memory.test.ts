import { getBackend, noGrad, randn, type Tensor, tidy } from '@octet/tensor';
import { expect, test } from 'vitest';
import { BatchNorm2d, Conv2d, Flatten, Identity, Module, ReLU, Sequential, Sigmoid } from '../src';

/** Bytes that `fn` leaves behind, its result included. */
function left<T>(fn: () => T): { bytes: number; result: T } {
  const bytes = () => getBackend().memory?.().bytes as number;
  const before = bytes();
  const result = fn();
  return { bytes: bytes() - before, result };
}

const net = () =>
  new Sequential(
    new Identity(),
    new Sequential(new Conv2d(3, 8, 3, { padding: 1 }), new BatchNorm2d(8), new ReLU()),
    new Conv2d(8, 4, 1),
    new Sigmoid(),
    new Flatten(),
  );

test('inference leaves the result behind and nothing else', () => {
  const model = net().eval();
  const x = randn([2, 3, 6, 5]).contiguous({ memoryFormat: 'channelsLast' });
  const { bytes, result } = left(() => noGrad(() => model.call(x)));
  // Flattening channels-last memory is a copy, whose source belongs to nobody either.
  expect(bytes).toBeLessThanOrEqual(2 * result.nbytes + 100);
  expect(x.dataSync()).toHaveLength(180);
});

test('what a module or a hook may hold stays alive', () => {
  class Holder extends Module {
    held: Tensor[] = [];

    forward(x: Tensor): Tensor {
      this.held.push(x);
      return x;
    }
  }
  const holder = new Holder();
  const model = new Sequential(new Conv2d(3, 3, 1), holder, new ReLU(), new ReLU());
  const seen: Tensor[] = [];
  model.at(2).registerForwardHook((_, [input], output) => void seen.push(input, output));
  noGrad(() => model.call(randn([1, 3, 2, 2])));
  for (const t of [...holder.held, ...seen]) expect(t.dataSync()).toHaveLength(12);
});

test('a pure module frees between modules and functions, and never what it was given', () => {
  class Residual extends Module {
    static readonly pure = true;

    readonly conv = new Conv2d(3, 3, 1);
    readonly act = new ReLU();

    forward(x: Tensor): Tensor {
      return tidy(() => this.act.call(x.add(this.conv.call(x))));
    }
  }
  const model = new Residual();
  const x = randn([2, 3, 4, 4]).contiguous({ memoryFormat: 'channelsLast' });
  const run = () => left(() => noGrad(() => model.call(x)));
  const { bytes, result } = run();
  expect(bytes).toBe(result.nbytes);
  expect(x.dataSync()).toHaveLength(96);
  // Deep inside somebody may look: then nothing is freed around it, and is again afterwards.
  const hook = model.conv.registerForwardHook(() => {});
  expect(run().bytes).toBe(2 * result.nbytes);
  hook.remove();
  expect(run().bytes).toBe(result.nbytes);
});

test('a class that overrides forward is trusted with nothing', () => {
  let kept: Tensor | undefined;
  class Keeps extends ReLU {
    override forward(x: Tensor): Tensor {
      kept = x;
      return super.forward(x);
    }
  }
  noGrad(() => new Sequential(new ReLU(), new Keeps(), new ReLU()).call(randn([3])));
  expect(kept?.dataSync()).toHaveLength(3);
});

test('backward frees what it is through with, and a kept graph runs again', () => {
  const model = net();
  const x = randn([2, 3, 6, 5]);
  const step = (retainGraph: boolean) => {
    const loss = model.call(x).sum();
    loss.backward(undefined, { retainGraph });
    if (retainGraph) loss.backward();
  };
  step(false);
  const first = model.parameters().map((p) => Array.from(p.grad?.dataSync() ?? []));
  model.zeroGrad();
  step(true);
  model.parameters().forEach((p, i) => {
    p.grad?.dataSync().forEach((v, j) => {
      // Batch statistics do not change between the two passes: twice the gradient.
      expect(v).toBeCloseTo(2 * first[i][j], 3);
    });
  });
  model.zeroGrad();
  // The same with a hook that may hold everything: nothing is freed then.
  const freed = left(() => step(false)).bytes;
  model.zeroGrad();
  for (const module of model.modules()) module.registerForwardHook(() => {});
  const held = left(() => step(false)).bytes;
  expect(freed).toBeLessThan(0.5 * held);
});
