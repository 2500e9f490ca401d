import {
  ArgumentError,
  AutogradError,
  BackendError,
  composable,
  DTypeError,
  extendBackend,
  FreedError,
  ModuleError,
  ShapeError,
} from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import {
  add,
  affine,
  cat,
  dropout,
  embedding,
  linear,
  mul,
  noGrad,
  rand,
  relu,
  reshape,
  select,
  silu,
  slice,
  softmax,
  softplus,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from '@octet/tensor';
import { describe, expect, test, vi } from 'vitest';
import { addCallHook, planOf } from '../src';
import { Affine, Chain, Free, Scaled } from './modules';

const x = tensor([-1, 2]);
const numbers = (t: unknown) => Array.from((t as Tensor).dataSync());

describe('gives what a call gives', () => {
  const cases: Record<string, (...args: Tensor[]) => unknown> = {
    'views and parts of memory': (t) => {
      const rows = reshape(t, [2, 3]);
      return cat([transpose(rows, 0, 1), slice(reshape(mul(t, 2), [3, 2]), 0, 1, 3)], 0);
    },
    'writing in place, in part': (t) => {
      const whole = zeros([2, 6]);
      select(whole, 0, 1).copy_(relu(t));
      const before = add(whole, 0);
      select(whole, 0, 0).copy_(affine(t, 2, 1));
      return [before, whole];
    },
    'an input that comes out': (t) => [t, reshape(t, [3, 2])],
    'a constant that comes out': (t) => [affine(tensor([1, 2]), 2, 0), relu(t)],
    'two views of one memory': (t) => {
      const y = reshape(relu(t), [2, 3]);
      return { first: select(y, 0, 0), second: select(y, 0, 1), name: 'y' };
    },
    'long chains over shared memory': (t) => {
      let y = t;
      const all: Tensor[] = [];
      for (let i = 0; i < 12; i++) {
        y = softmax(add(y, affine(y, 0.5, i)), 0);
        if (i % 3 === 0) all.push(y);
      }
      return cat(all, 0);
    },
    'constants made on the way': (t) => mul(t, relu(add(tensor([1, -2, 3, -4, 5, -6]), 1))),
  };
  test.each(Object.entries(cases))('%s', (_, fn) => {
    const model = new Free(fn);
    const plan = planOf(model, [rand([6])]);
    for (let i = 0; i < 3; i++) {
      const input = rand([6]);
      const flat = (value: unknown): unknown =>
        Array.isArray(value)
          ? value.map(flat)
          : typeof value === 'object' && value && 'shape' in value
            ? [(value as Tensor).shape, (value as Tensor).dtype, numbers(value)]
            : value && typeof value === 'object'
              ? Object.entries(value).map(([k, v]) => [k, flat(v)])
              : value;
      expect(flat(plan.run(input))).toEqual(flat(model.call(input)));
    }
  });

  test('inputs that lie otherwise in memory than the example', () => {
    const model = new Free((t) => reshape(relu(t), [6]));
    const plan = planOf(model, [rand([2, 3])]);
    const wide = rand([3, 2]);
    for (const input of [transpose(wide, 0, 1), slice(rand([4, 3]), 0, 1, 3), slice(rand([4, 3]), 0, 0, 2)]) {
      expect(numbers(plan.run(input))).toEqual(numbers(model.call(input)));
    }
  });

  test('an input that is changed in place', () => {
    const model = new Free((t) => {
      const before = add(t, 0);
      t.fill_(7);
      return before;
    });
    const plan = planOf(model, [rand([2, 2])]);
    const [dense, other] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      transpose(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        0,
        1,
      ),
    ];
    expect(numbers(plan.run(dense))).toEqual([1, 2, 3, 4]);
    expect(numbers(dense)).toEqual([7, 7, 7, 7]);
    expect(numbers(plan.run(other))).toEqual([1, 3, 2, 4]);
    expect(numbers(other)).toEqual([7, 7, 7, 7]);
  });

  test('state that is changed in place goes on as in calls', () => {
    const count = tensor([0]);
    const model = new Free((t) => {
      count.copy_(add(count, 1));
      return mul(t, count);
    });
    const plan = planOf(model, [x]);
    expect(numbers(count)).toEqual([1]);
    expect(numbers(plan.run(x))).toEqual([-2, 4]);
    expect(numbers(plan.run(x))).toEqual([-3, 6]);
    expect(numbers(count)).toEqual([3]);
  });

  test('the same tensor for two inputs, nested inputs, numbers', () => {
    const model = new Free((a, more) => {
      const [b, k] = more as unknown as [Tensor, number];
      return add(mul(a, k), b);
    });
    const plan = planOf(model, [x, [x, 3]]);
    expect(numbers(plan.run(x, [x, 3]))).toEqual([-4, 8]);
    expect(numbers(plan.run(x, [tensor([10, 20]), 3]))).toEqual([7, 26]);
    expect(() => plan.run(x, [x, 4])).toThrow(/input 1 1 to be 3, as planned, found 4/);
    expect(() => plan.run(x, [x])).toThrow(ArgumentError);
    expect(() => plan.run(x)).toThrow(ArgumentError);
  });

  test('what is computed from constants alone is computed once', () => {
    let ran: string[] = [];
    const counting = extendBackend(referenceBackend, {
      name: 'counting',
      kernels: {
        add: (tensors, attrs) => {
          ran.push('add');
          (referenceBackend.kernels.add as (t: typeof tensors, a: typeof attrs) => void)(tensors, attrs);
        },
      },
    });
    const weight = tensor([1, 2]).to(counting);
    const plan = planOf(new Free((t) => relu(mul(t, add(weight, weight)))), [x.to(counting)]);
    ran = [];
    expect(numbers(plan.run(x.to(counting)))).toEqual([0, 8]);
    expect(ran).toEqual([]);
    expect(String(plan)).toContain('mul');
    expect(String(plan)).not.toContain('add');
  });
});

test('memory is shared by what is never needed together', () => {
  const model = new Free((t) => {
    let y = t;
    for (let i = 0; i < 10; i++) y = relu(y);
    return add(y, 1);
  });
  const plan = planOf(model, [rand([100])]);
  expect(plan.bytes).toBe(2 * 400);
});

test('a table of the steps', () => {
  const plan = planOf(new Chain(new Affine(2, 1), new Scaled(tensor([3, 5]))), [x]);
  expect(`${plan}`).toBe(
    [
      'Plan of 3 steps, 16 bytes',
      '   Kernel  Module  Output  Dtype    Memory',
      '─'.repeat(44),
      '0  affine  first   [2]     float32  buffer 0',
      '1  mul     second  [2]     float32  buffer 1',
      '2  relu    second  [2]     float32  output',
    ].join('\n'),
  );
});

test('composites are steps of their own, on memory that the plan has', () => {
  const backend = primitives();
  const model = new Free((t) => silu(softplus(affine(t, 2, 0), 2)));
  const example = tensor([-3, 0.5, 4], { backend });
  const plan = planOf(model, [example], { reuseOutputs: true });
  const steps = String(plan).split('\n').slice(3);
  expect(steps.filter((line) => line.includes('(silu)')).map((line) => line.split(/\s+/)[1])).toEqual([
    'sigmoid',
    'mul',
  ]);
  expect(steps.filter((line) => line.includes('(softplus)')).length).toBeGreaterThan(2);
  expect(String(plan)).not.toContain('by dispatch');
  plan.run(example);
  const allocate = vi.spyOn(backend, 'allocate');
  for (const values of [
    [-1, 0, 1],
    [5, -60, 60],
  ]) {
    const input = tensor(values, { backend });
    allocate.mockClear();
    const y = plan.run(input);
    expect(allocate).not.toHaveBeenCalled();
    expect(numbers(y)).toEqual(numbers(model.call(input)));
  }
});

test('nothing of the run that made it stays: no input, no output', async () => {
  const alive = () => (referenceBackend.memory as () => { buffers: number })().buffers;
  const factor = tensor([2, 3, 4, 5]);
  const model = new Free((t) => {
    const y = relu(mul(t, factor));
    return [y, affine(y, 1, 1)];
  });
  const input = tensor([1, 2, 3, 4]);
  const other = tensor([4, 3, 2, 1]);
  // What was there before may be collected at any time.
  await collected(undefined, 3);
  const before = alive();
  const plan = planOf(model, [input]);
  expect(plan.bytes).toBe(16);
  await collected(() => alive() <= before + 1);
  expect(alive()).toBe(before + 1);
  plan.dispose();
  expect(alive()).toBe(before);
  expect(String(plan)).toContain('relu');
  expect(numbers((planOf(model, [input]).run(other) as Tensor[])[0])).toEqual([8, 9, 8, 5]);
});

/** Collects garbage, with time in between for finalizers, until they have made it so. */
async function collected(done = () => false, times = 100): Promise<void> {
  for (let i = 0; i < times && !done(); i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The reference backend without the kernels that others can make. */
function primitives() {
  const kernels = Object.fromEntries(
    Object.entries(referenceBackend.kernels).filter(([name]) => !composable.training.includes(name as never)),
  );
  return { ...referenceBackend, name: 'primitives', kernels, fallback: undefined };
}

test('outputs are new tensors, or the same if asked', () => {
  const fresh = planOf(new Affine(1, 0), [x]);
  expect((fresh.run(x) as Tensor).storage).not.toBe((fresh.run(x) as Tensor).storage);
  const reusing = planOf(new Affine(2, 0), [x], { reuseOutputs: true });
  const [first, second] = [reusing.run(x) as Tensor, reusing.run(tensor([5, 6])) as Tensor];
  expect(first.storage).toBe(second.storage);
  expect(numbers(first)).toEqual([10, 12]);
});

test('an output that is written to again is an input like any other', () => {
  // The sum is there before all of its operands are read.
  const model = new Free((a, b) => {
    const sum = add(a, b);
    return [sum, add(b, relu(a))];
  });
  const plan = planOf(model, [x, x], { reuseOutputs: true });
  let [a, b] = [tensor([1, -2]), tensor([-3, 5])];
  for (let run = 0; run < 4; run++) {
    const expected = (noGrad(() => model.call(a, b)) as unknown as Tensor[]).map(numbers);
    const [sum, other] = plan.run(a, b) as Tensor[];
    expect([sum, other].map(numbers)).toEqual(expected);
    [a, b] = run % 2 === 0 ? [sum, other] : [other, sum];
  }
  // A part of one, too.
  const halves = planOf(new Free((t) => [relu(t), add(t, t)]), [x], { reuseOutputs: true });
  const [, doubled] = halves.run(tensor([1, 2])) as Tensor[];
  expect((halves.run(doubled) as Tensor[]).map(numbers)).toEqual([
    [2, 4],
    [4, 8],
  ]);
});

test('no output that is written to again is an input that the model writes to', () => {
  const model = new Free((t) => {
    t.copy_(add(t, 1));
    return relu(t);
  });
  const plan = planOf(model, [tensor([1, 2])], { reuseOutputs: true });
  const y = plan.run(tensor([1, -5])) as Tensor;
  expect(numbers(y)).toEqual([2, 0]);
  expect(() => plan.run(y)).toThrow(/plan.run: expected input 0, which the model writes to.*clone\(\)/);
  expect(numbers(y)).toEqual([2, 0]);
  expect(numbers(plan.run(y.clone()))).toEqual([3, 1]);
});

test('checks of elements run at every run', () => {
  const table = rand([4, 2]);
  const model = new Free((index) => embedding(index, table));
  const plan = planOf(model, [tensor([0, 1], { dtype: 'int32' })]);
  const index = tensor([3, 2], { dtype: 'int32' });
  expect(numbers(plan.run(index))).toEqual(numbers(model.call(index)));
  expect(() => plan.run(tensor([0, 4], { dtype: 'int32' }))).toThrow(
    /embedding: expected index from 0 to 3, found 4/,
  );
  const column = select(
    tensor(
      [
        [0, 9],
        [1, 9],
      ],
      { dtype: 'int32' },
    ),
    1,
    0,
  );
  expect(numbers(plan.run(column))).toEqual(numbers(model.call(column)));
});

test('a kernel that the backend lacks runs on the fallback, and is told of', () => {
  const { affine: _, ...kernels } = referenceBackend.kernels;
  const onFallback = vi.fn();
  const partial = Object.assign(Object.create(referenceBackend), {
    name: 'partial',
    kernels,
    fallback: referenceBackend,
    onFallback,
  });
  const plan = planOf(new Chain(new Affine(2, 1), new Affine(3, 0)), [x.to(partial)]);
  onFallback.mockClear();
  expect(numbers(plan.run(x.to(partial)))).toEqual([-3, 15]);
  expect(onFallback).toHaveBeenCalledTimes(2);
});

describe('refuses', () => {
  const { random } = Math;
  test.each<[string, () => unknown, RegExp]>([
    ['random numbers', () => planOf(new Free((t) => add(t, rand([2]))), [x]), /rand, which makes random/],
    ['dropout', () => planOf(new Free((t) => dropout(t)), [x]), /dropout, which makes random/],
    [
      'reads',
      () => planOf(new Free((t) => mul(t, relu(t).dataSync()[0])), [x]),
      /in Free: .*dataSync, which reads/,
    ],
    ['promises', () => planOf(new Free(async (t) => t), [x]), /one that returns a promise/],
    ['what is no model', () => planOf(relu as never, [x]), /expected a module/],
    ['inputs that are no list', () => planOf(new Affine(1, 0), x as never), /inputs/],
    ['unknown options', () => planOf(new Affine(1, 0), [x], { reuse: true } as never), /reuse/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message);
    expect(Math.random).toBe(random);
  });

  test('reads of constants are none of these', () => {
    const weight = tensor([2]);
    const plan = planOf(new Free((t) => mul(t, weight.itemSync())), [x]);
    expect(numbers(plan.run(x))).toEqual([-2, 4]);
    weight.fill_(3);
    expect(() => plan.run(x)).toThrow(ModuleError);
  });

  test('training mode, when made and when run, before anything runs', () => {
    const model = new Chain(new Affine(1, 0), new Affine(2, 0));
    model.second.training = true;
    const ran = vi.fn();
    const remove = addCallHook((_, run) => {
      ran();
      run();
    });
    expect(() => planOf(model, [x])).toThrow(/planOf in second \(Affine\): .*training mode/);
    expect(ran).not.toHaveBeenCalled();
    remove();
    model.second.training = false;
    const plan = planOf(model, [x]);
    model.second.training = true;
    expect(() => plan.run(x)).toThrow(
      /in second \(Affine\): expected training to be false, as planned, found true. Call model.eval/,
    );
    model.second.training = false;
    plan.run(x);
  });

  test('changes of the model', () => {
    const model = new Scaled(tensor([3, 5]));
    const plan = planOf(new Chain(new Affine(1, 0), model), [x]);
    const weight = model.weight;
    Object.assign(model, { weight: tensor([1, 1]) });
    expect(() => plan.run(x)).toThrow(/in second \(Scaled\): expected weight to be the tensor of the time/);
    Object.assign(model, { weight });
    plan.run(x);
    weight.mul(1);
    plan.run(x);
    weight.fill_(1);
    expect(() => plan.run(x)).toThrow(/expected second.weight to be as it was .*'fill_' has changed it/);
  });

  test('a weight that was freed', () => {
    const model = new Scaled(tensor([3, 5]));
    const plan = planOf(model, [x]);
    model.weight.dispose();
    expect(() => plan.run(x)).toThrow(FreedError);
  });

  test('other inputs', () => {
    const plan = planOf(new Affine(1, 0), [x]);
    const other = extendBackend(referenceBackend, { name: 'other', kernels: {} });
    expect(() => plan.run(tensor([1, 2, 3]))).toThrow(ShapeError);
    expect(() => plan.run(tensor([1, 2], { dtype: 'int32' }))).toThrow(DTypeError);
    expect(() => plan.run(x.to(other))).toThrow(BackendError);
    expect(() => plan.run([1, 2])).toThrow(ArgumentError);
    const learning = tensor([1, 2], { requiresGrad: true });
    expect(() => plan.run(learning)).toThrow(AutogradError);
    expect(numbers(noGrad(() => plan.run(learning)))).toEqual([1, 2]);
  });

  test('to run after dispose', () => {
    const plan = planOf(new Affine(1, 0), [x]);
    plan.dispose();
    plan.dispose();
    expect(() => plan.run(x)).toThrow(FreedError);
  });
});

test('fields that a forward changes by itself are nobody else’s', () => {
  class Counting extends Affine {
    count = 0;
    override forward(t: Tensor) {
      this.count++;
      return super.forward(t);
    }
  }
  const model = new Counting(2, 0);
  const plan = planOf(model, [x]);
  model.call(x);
  expect(numbers(plan.run(x))).toEqual([-2, 4]);
});

test('constants survive the end of the recording and of scopes', () => {
  const weight = rand([3, 2]);
  const model = new Free((t) => {
    const scaled = affine(weight, 2, 0);
    const y = linear(t, scaled);
    scaled.dispose();
    return y;
  });
  const plan = planOf(model, [x]);
  expect(numbers(plan.run(x))).toEqual(numbers(model.call(x)));
});

describe('planning computes nothing that depends on the inputs', () => {
  /** A backend that counts what is allocated, and by which kernels. */
  function counting() {
    const seen = { bytes: 0, kernels: [] as string[] };
    const { kernels, allocate } = referenceBackend;
    const counted = Object.entries(kernels).map(([name, run]) => [
      name,
      (...args: unknown[]) => {
        seen.kernels.push(name);
        (run as (...args: unknown[]) => void)(...args);
      },
    ]);
    const backend = extendBackend(referenceBackend, {
      name: 'counting',
      kernels: Object.fromEntries(counted),
    });
    const counting: Pick<typeof backend, 'allocate'> = {
      allocate(dtype, length) {
        seen.bytes += 4 * length;
        return allocate.call(referenceBackend, dtype, length);
      },
    };
    return { seen, backend: Object.assign(backend, counting) };
  }

  test('neither kernels run nor memory is allocated, but for constants and copies of the inputs', () => {
    const { seen, backend } = counting();
    const given = zeros([1000], { backend });
    const model = new Free((t) => {
      const shift = affine(tensor([1], { backend }), 2, 1);
      return add(relu(mul(t, t)), shift);
    });
    Object.assign(seen, { bytes: 0, kernels: [] });
    const plan = planOf(model, [given]);
    expect(seen.kernels.filter((name) => name !== 'copyStrided')).toEqual(['affine']);
    // The copy of the input, what the plan itself holds for the product and the ReLU, and the constants.
    expect(seen.bytes).toBe(4 * (1000 + 2 * 1000 + 2));
    expect(numbers(plan.run(given)).slice(0, 2)).toEqual([3, 3]);
  });

  test('nor are indices checked that were not computed: every run checks them', () => {
    const table = tensor([[1], [2]]);
    const plan = planOf(new Free((t) => embedding(add(t, 1).to('int32'), table)), [tensor([7])]);
    expect(numbers(plan.run(tensor([-1])))).toEqual([1]);
    expect(() => plan.run(tensor([1]))).toThrow(/expected index from 0 to 1, found 2/);
  });

  test('what reads on the host is stopped there', () => {
    let after = false;
    const model = new Free((t) => {
      const first = relu(t).itemSync();
      after = true;
      return affine(t, first, 0);
    });
    expect(() => planOf(model, [tensor([1])])).toThrow(
      /expected a model that computes on the backend alone, found itemSync|dataSync/,
    );
    expect(after).toBe(false);
  });

  test('a tensor that was written in part, and then whole, has its constants', () => {
    const model = new Free((t) => {
      const whole = zeros([2, 2]);
      select(whole, 0, 0).copy_(relu(t));
      return whole;
    });
    const plan = planOf(model, [tensor([1, -1])]);
    expect(numbers(plan.run(tensor([3, -1])))).toEqual([3, 0, 0, 0]);
  });
});
