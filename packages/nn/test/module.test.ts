import { extendBackend, ModuleError } from '@octet/backend';
import { getBackend, ones, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  type AnyModule,
  BatchNorm2d,
  Buffer,
  Conv2d,
  hasHooks,
  Linear,
  Module,
  ModuleList,
  moveHooks,
  Parameter,
  ReLU,
  removeHooks,
  Sequential,
} from '../src';
import { ConvBNReLU, Model } from './models';

class Odds extends Module {
  readonly scale = new Parameter(ones([3]));
  readonly missing: Parameter | undefined = undefined;
  readonly table = new Buffer(zeros([2]), { persistent: false });
  readonly plain = zeros([5]);
  readonly array = [new ReLU()];
  readonly list = new ModuleList([new Linear(3, 3, { bias: false })]);
  inner: AnyModule | undefined = new ReLU();

  forward(x: Tensor) {
    return x.mul(this.scale);
  }
}

const names = (entries: [string, unknown][]) => entries.map(([name]) => name);

describe('fields are the registry', () => {
  test('in their order, without what is absent, plain or in an array', () => {
    const m = new Odds();
    expect(names(m.namedParameters())).toEqual(['scale', 'list.0.weight']);
    expect(names(m.namedBuffers())).toEqual(['table']);
    expect(names(m.namedChildren())).toEqual(['list', 'inner']);
    expect(names(m.namedModules())).toEqual(['', 'list', 'list.0', 'inner']);
  });

  test('and are read anew each time', () => {
    const m = new Odds();
    m.inner = new Linear(3, 1);
    expect(names(m.namedParameters())).toEqual(['scale', 'list.0.weight', 'inner.weight', 'inner.bias']);
    m.inner = undefined;
    expect(m.children()).toHaveLength(1);
  });

  test('what is shared is listed once, where it comes first', () => {
    const shared = new Linear(2, 2);
    const m = new Sequential(shared, new ReLU(), shared);
    expect(names(m.namedModules())).toEqual(['', '0', '1']);
    expect(names(m.namedParameters())).toEqual(['0.weight', '0.bias']);
    expect(m.children()).toHaveLength(3);
  });

  test('a Sequential with children of its own class', () => {
    const m = new ConvBNReLU(2, 4);
    expect(m.length).toBe(3);
    expect(m.at(-1)).toBeInstanceOf(ReLU);
    expect([...m].map((layer) => layer.constructor.name)).toEqual(['Conv2d', 'BatchNorm2d', 'ReLU']);
    expect(() => m.at(3)).toThrow(/from -3 to 2/);
    expect(m.append(new ReLU()).length).toBe(4);
  });
});

describe('paths', () => {
  test('lead to modules', () => {
    const m = new Model();
    expect(m.getSubmodule('layers.0.1')).toBeInstanceOf(BatchNorm2d);
    expect(m.getSubmodule('')).toBe(m);
    for (const [path, module] of m.namedModules()) expect(m.getSubmodule(path)).toBe(module);
  });

  test('that are wrong say what there is', () => {
    const m = new Model();
    expect(() => m.getSubmodule('layers.2.0')).toThrow(ModuleError);
    expect(() => m.getSubmodule('layers.2.0')).toThrow(/no child '2' in Sequential. It has '0', '1'/);
    expect(() => m.getSubmodule('lastLinear.weight')).toThrow(/no child 'weight' in Linear/);
    expect(() => m.setSubmodule('', new ReLU())).toThrow(ModuleError);
    expect(() => m.setSubmodule('layers.7', new ReLU())).toThrow(ModuleError);
  });

  test('setSubmodule replaces', () => {
    const m = new Model();
    const relu = new ReLU();
    m.setSubmodule('layers.0.1', relu);
    expect(m.layers.at(0).children()[1]).toBe(relu);
    m.setSubmodule('lastLinear', new Linear(4, 7));
    expect(m.call(randn([1, 2, 4, 4])).shape).toEqual([1, 7]);
  });
});

test('train and eval reach all modules, by way of their own train', () => {
  class Frozen extends BatchNorm2d {
    override train() {
      return super.train(false);
    }
  }
  const m = new Sequential(new ReLU(), new Sequential(new Frozen(2), new ReLU()));
  expect(
    m
      .eval()
      .modules()
      .map((c) => c.training),
  ).toEqual([false, false, false, false, false]);
  expect(
    m
      .train()
      .modules()
      .map((c) => c.training),
  ).toEqual([true, true, true, false, true]);
});

test('apply visits children first', () => {
  const seen: string[] = [];
  new Sequential(new ConvBNReLU(1, 1)).apply((m) => {
    seen.push(m.constructor.name);
  });
  expect(seen).toEqual(['Conv2d', 'BatchNorm2d', 'ReLU', 'ConvBNReLU', 'Sequential']);
});

test('gradients: requiresGrad_ and zeroGrad', () => {
  const m = new Linear(2, 1);
  m.call(ones([1, 2]))
    .sum()
    .backward();
  expect(m.weight.grad?.dataSync()).toEqual(Float32Array.of(1, 1));
  m.zeroGrad();
  expect(m.weight.grad).toBeUndefined();
  m.requiresGrad_(false);
  expect(m.call(ones([1, 2])).requiresGrad).toBe(false);
});

describe('to', () => {
  const other = extendBackend(getBackend(), { name: 'other', kernels: {} });

  test('moves parameters, which stay leaves, and buffers', () => {
    const m = new Model();
    const expected = m
      .eval()
      .call(ones([1, 2, 4, 4]))
      .dataSync();
    m.lastLinear.weight.requiresGrad = false;
    m.lastLinear.weight.grad = zeros([3, 4]);
    expect(m.to(other)).toBe(m);
    for (const t of [...m.parameters(), ...m.buffers()]) expect(t.backend).toBe(other);
    expect(m.lastLinear.weight).toBeInstanceOf(Parameter);
    expect(m.lastLinear.weight.requiresGrad).toBe(false);
    expect(m.lastLinear.weight.grad?.backend).toBe(other);
    expect(m.lastLinear.bias?.requiresGrad).toBe(true);
    expect(m.call(ones([1, 2, 4, 4], { backend: other })).dataSync()).toEqual(expected);
  });

  test('keeps shared tensors shared and leaves alone what is there', () => {
    const m = new Sequential(new Linear(2, 2), new Linear(2, 2));
    const [a, b] = m.children() as Linear[];
    b.weight = a.weight;
    const { weight } = a;
    m.to(getBackend());
    expect(a.weight).toBe(weight);
    m.to('float64');
    expect(a.weight).toBe(b.weight);
    expect(a.weight.dtype).toBe('float64');
  });

  test('a dtype is for the float tensors only', () => {
    const bn = new BatchNorm2d(1).to('float64');
    expect(bn.runningMean?.dtype).toBe('float64');
    expect(bn.numBatchesTracked?.dtype).toBe('int32');
  });
});

describe('hooks', () => {
  test('see arguments and output, in order, and may replace them', () => {
    const m = new ReLU();
    const log: string[] = [];
    m.registerForwardPreHook((module, [x]) => {
      log.push(`pre ${module === m} ${x.dataSync()}`);
      return [x.add(1)];
    });
    m.registerForwardHook((_, [x], y) => {
      log.push(`post ${x.dataSync()} ${y.dataSync()}`);
    });
    expect(hasHooks(m)).toBe(true);
    const last = m.registerForwardHook((_, __, y) => y.mul(10));
    expect(m.call(tensor([2])).dataSync()).toEqual(Float32Array.of(30));
    expect(log).toEqual(['pre true 2', 'post 3 3']);
    expect(m.forward(tensor([2])).dataSync()).toEqual(Float32Array.of(2));
    last.remove();
    last.remove();
    expect(m.call(tensor([2])).dataSync()).toEqual(Float32Array.of(3));
  });

  test('may be taken off while they run', () => {
    const m = new ReLU();
    let calls = 0;
    const handle = m.registerForwardHook(() => {
      calls++;
      handle.remove();
    });
    expect(hasHooks(m)).toBe(true);
    m.call(tensor([1]));
    m.call(tensor([1]));
    expect(calls).toBe(1);
    expect([hasHooks(m), hasHooks(new ReLU())]).toEqual([false, false]);
  });

  /** A module whose hooks note that they ran. */
  function noted() {
    const runs: string[] = [];
    const note = (name: string) => () => void runs.push(name);
    const module = new ReLU();
    const pre = module.registerForwardPreHook(note('pre'));
    const first = module.registerForwardHook(note('first'));
    const second = module.registerForwardHook(note('second'));
    const ran = (m: ReLU) => {
      runs.length = 0;
      m.call(tensor([1]));
      return runs.join(' ');
    };
    return { module, note, ran, handles: [pre, first, second] };
  }

  test('prepend puts one before the others', () => {
    const { module, note, ran } = noted();
    module.registerForwardHook(note('earlier'), { prepend: true });
    module.registerForwardPreHook(note('earliest'), { prepend: true });
    expect(ran(module)).toBe('earliest pre earlier first second');
  });

  test('a clone has them if asked, at every depth, and handles are the original’s', () => {
    const { module, ran, handles } = noted();
    expect(ran(module.clone())).toBe('');
    const nested = new Sequential(new Sequential(module)).clone({ hooks: true });
    const copy = (nested.at(0) as Sequential).at(0) as ReLU;
    expect(ran(copy)).toBe('pre first second');
    for (const handle of handles) handle.remove();
    expect([ran(module), ran(copy)]).toEqual(['', 'pre first second']);
  });

  test('move to another module behind its own, handles with them', () => {
    const { module, note, ran, handles } = noted();
    const other = new ReLU();
    other.registerForwardHook(note('own'));
    moveHooks(module, other, 'before');
    expect([ran(module), ran(other)]).toEqual(['first second', 'pre own']);
    moveHooks(module, other);
    expect([ran(module), ran(other)]).toEqual(['', 'pre own first second']);
    handles[1].remove();
    expect(ran(other)).toBe('pre own second');
    const third = new ReLU();
    moveHooks(other, third);
    handles[0].remove();
    expect(ran(third)).toBe('own second');
    moveHooks(new ReLU(), third);
    expect(ran(third)).toBe('own second');
  });

  test('removeHooks takes off these', () => {
    const { module, ran } = noted();
    let calls = 0;
    const count = () => void calls++;
    module.registerForwardHook(count);
    module.registerForwardPreHook(count);
    removeHooks(new ReLU(), count);
    removeHooks(module, count);
    expect(ran(module)).toBe('pre first second');
    expect(calls).toBe(0);
  });
});

test('prints as PyTorch does', () => {
  expect(String(new Model())).toBe(
    `
Model(
  (layers): Sequential(
    (0): ConvBNReLU(
      (0): Conv2d(2, 4, kernelSize=[3, 3], stride=[2, 2], padding=[1, 1], bias=false)
      (1): BatchNorm2d(4, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)
      (2): ReLU()
    )
    (1): ConvBNReLU(
      (0): Conv2d(4, 4, kernelSize=[3, 3], stride=[1, 1], padding=[1, 1], bias=false)
      (1): BatchNorm2d(4, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)
      (2): ReLU()
    )
  )
  (lastLinear): Linear(inFeatures=4, outFeatures=3, bias=true)
)`.trim(),
  );
});

test('a ModuleList holds modules of any kind and is no layer', () => {
  const list = new ModuleList([new Linear(1, 2)]);
  list.append(new Linear(2, 1));
  expectTypeOf(list.at(0)).toEqualTypeOf<Linear>();
  expect(list.length).toBe(2);
  expect(list[1].inFeatures).toBe(2);
  expect([...list].map((l) => l.outFeatures)).toEqual([2, 1]);
  expect(() => list.forward()).toThrow(ModuleError);
});

test('types follow from forward', () => {
  class Pairs extends Module<[a: Tensor, b?: number], [Tensor, number]> {
    forward(a: Tensor, b = 1): [Tensor, number] {
      return [a, b];
    }
  }
  expectTypeOf(new Pairs().call).parameters.toEqualTypeOf<[a: Tensor, b?: number]>();
  expectTypeOf(new Pairs().call).returns.toEqualTypeOf<[Tensor, number]>();
  expectTypeOf(new Model().call).parameters.toEqualTypeOf<[Tensor]>();
  expectTypeOf(new Model().call).returns.toEqualTypeOf<Tensor>();
  expectTypeOf(new Pairs()).toExtend<AnyModule>();
  expectTypeOf(new Conv2d(1, 1, 1)).toExtend<Module>();
  // @ts-expect-error a layer that takes and gives other things
  new Sequential(new Pairs());
});
