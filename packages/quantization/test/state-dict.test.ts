import { extendBackend } from '@octet/backend';
import { Conv2d, Linear, Module, ReLU, Sequential, type StateDict } from '@octet/nn';
import { getBackend, randn, setBackend, type Tensor, tensor, zeros } from '@octet/tensor';
import { afterEach, describe, expect, test } from 'vitest';
import {
  convert,
  type dynamic,
  FakeQuantize,
  FloatFunctional,
  FusedMovingAvgObsFakeQuantize,
  getDefaultQConfigMapping,
  HistogramObserver,
  LearnableFakeQuantize,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  PerChannelMinMaxObserver,
  prepare,
  QuantWrapper,
  quantizeDynamic,
} from '../src';

const reference = getBackend();
const other = extendBackend(reference, { name: 'other', kernels: {} });
afterEach(() => setBackend(reference));

const numbers = (t: Tensor) => Array.from(t.dataSync());
const perTensor = [MinMaxObserver, MovingAverageMinMaxObserver, HistogramObserver];
const perChannel = [PerChannelMinMaxObserver, MovingAveragePerChannelMinMaxObserver];
const range = (min: Tensor, max: Tensor) => ({ min_val: min, max_val: max });

/** Everything that a load could have changed. */
const facts = (module: Module) =>
  Object.fromEntries(
    Object.entries(module.stateDict()).map(([key, t]) => [key, [t.shape, numbers(t)]] as const),
  );

describe.each(perTensor)('the range that %o loads', (Observer) => {
  test.each([
    ['[]', tensor(-1), tensor(3)],
    ['[1]', tensor([-1]), tensor([3])],
    ['[] and [1]', tensor(-1), tensor([3])],
  ])('may be %s', (_, min, max) => {
    const observer = new Observer();
    observer.loadStateDict({ ...observer.stateDict(), ...range(min, max) });
    expect(observer.observed).toBe(true);
    expect([numbers(observer.minVal), numbers(observer.maxVal)]).toEqual([[-1], [3]]);
    observer.call(tensor([-1, 3]));
    expect(observer.calculateQparams().scale.shape).toEqual([1]);
  });

  test.each([
    ['[0]', zeros([0]), zeros([0])],
    ['infinite', tensor(Number.POSITIVE_INFINITY), tensor(Number.NEGATIVE_INFINITY)],
  ])('that is %s is none: it can observe', (_, min, max) => {
    const [observer, fresh] = [new Observer(), new Observer()];
    observer.call(tensor([5, 6]));
    observer.loadStateDict({ ...fresh.stateDict(), ...range(min, max) });
    expect(observer.observed).toBe(false);
    for (const each of [observer, fresh]) each.call(tensor([1, 2, 3]));
    expect(observer.calculateQparams().scale.shape).toEqual([1]);
    expect(facts(observer)).toEqual(facts(fresh));
  });

  test.each<[string, StateDict, string]>([
    ['three numbers', range(zeros([3]), zeros([3])), 'min_val: expected one number, found [3] 0,0,0'],
    ['a matrix', range(zeros([1, 1]), zeros([1, 1])), 'min_val: expected one number, found [1, 1] 0'],
    [
      'a minimum alone',
      range(tensor(1), zeros([0])),
      'max_val: expected as many numbers as min_val, none less than it, found [0]',
    ],
    [
      'a maximum alone',
      range(zeros([0]), tensor(1)),
      'max_val: expected as many numbers as min_val, none less than it, found [] 1',
    ],
    ['a range that is none', range(tensor(3), tensor(1)), 'none less than it, found [] 1'],
    ['an eps of 0', { eps: tensor([0]) }, 'eps: expected one number > 0, found [1] 0'],
  ])('is refused with %s, and nothing changes', (_, change, message) => {
    const observer = new Observer();
    observer.call(tensor([-1, 1]));
    const before = facts(observer);
    expect(() => observer.loadStateDict({ ...observer.stateDict(), ...change })).toThrow(message);
    expect(facts(observer)).toEqual(before);
    expect(observer.observed).toBe(true);
  });

  test('has an eps of its own', () => {
    const [small, big] = [new Observer(), new Observer({ eps: 0.5 })];
    big.call(tensor([0, 1]));
    small.loadStateDict(big.stateDict());
    expect(numbers(small.calculateQparams().scale)).toEqual([0.5]);
  });
});

describe.each(perChannel)('the range that %o loads', (Observer) => {
  test('has a number for each channel, or none', () => {
    const observer = new Observer({ dtype: 'qint8' });
    observer.loadStateDict({ ...observer.stateDict(), ...range(tensor([-1, -2, -3]), tensor([1, 2, 3])) });
    expect(observer.calculateQparams().scale.shape).toEqual([3]);
    observer.loadStateDict({ ...observer.stateDict(), ...range(zeros([0]), zeros([0])) });
    expect(observer.observed).toBe(false);
    observer.call(randn([2, 4]));
    expect(observer.calculateQparams().scale.shape).toEqual([2]);
  });

  test.each<[string, StateDict, string]>([
    [
      'another number of channels',
      range(zeros([3]), zeros([3])),
      'one number for each of 2 channels, found [3] 0,0,0',
    ],
    [
      'numbers that disagree',
      range(zeros([2]), zeros([0])),
      'max_val: expected as many numbers as min_val, none less than it, found [0]',
    ],
    [
      'one for all',
      range(tensor(1), tensor(2)),
      'min_val: expected one number for each of 2 channels, found [] 1',
    ],
    ['one channel crossed', range(tensor([0, 2]), tensor([1, 1])), 'none less than it, found [2] 1,1'],
  ])('is refused with %s, and nothing changes', (_, change, message) => {
    const observer = new Observer({ dtype: 'qint8' });
    observer.call(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    );
    const before = facts(observer);
    expect(() => observer.loadStateDict({ ...observer.stateDict(), ...change })).toThrow(message);
    expect(facts(observer)).toEqual(before);
  });
});

describe.each([FakeQuantize, FusedMovingAvgObsFakeQuantize])('what %o loads', (Fake) => {
  const weight = () =>
    new Fake({
      observer: MovingAveragePerChannelMinMaxObserver,
      dtype: 'qint8',
      qscheme: 'perChannelSymmetric',
    });
  const zero = (n: number, value = 0) => tensor(new Array(n).fill(value), { dtype: 'int32' });

  test('may be of any shape of one number; of channels, before and after they are known', () => {
    const fake = new Fake();
    fake.loadStateDict({ ...fake.stateDict(), scale: tensor(0.5), zero_point: zero(1, 3) });
    expect(numbers(fake.scale)).toEqual([0.5]);
    const [seen, fresh] = [weight(), weight()];
    seen.call(randn([3, 2]));
    fresh.loadStateDict(seen.stateDict());
    expect(facts(fresh)).toEqual(facts(seen));
    seen.loadStateDict(weight().stateDict());
    expect(seen.observed).toBe(false);
  });

  test.each<[string, StateDict, string]>([
    ['a scale of three', { scale: tensor([1, 2, 3]) }, 'scale: expected one number, found [3] 1,2,3'],
    ['no scale', { scale: zeros([0]) }, 'scale: expected a finite number > 0, found [0]'],
    ['a scale of 0', { scale: tensor([0]) }, 'scale: expected a finite number > 0, found [1] 0'],
    ['an infinite scale', { scale: tensor([Number.POSITIVE_INFINITY]) }, 'found [1] Infinity'],
    [
      'a zero point outside',
      { zero_point: zero(1, 256) },
      'zero_point: expected as many numbers as scale, from 0 to 255, found [1] 256',
    ],
    [
      'no zero point',
      { zero_point: zero(0) },
      'zero_point: expected as many numbers as scale, from 0 to 255, found [0]',
    ],
  ])('is refused with %s, and nothing changes', (_, change, message) => {
    const fake = new Fake();
    fake.call(tensor([-1, 1]));
    const before = facts(fake);
    expect(() => fake.loadStateDict({ ...fake.stateDict(), ...change })).toThrow(message);
    expect(facts(fake)).toEqual(before);
  });

  test('must have a scale and a zero point for each channel of its range', () => {
    const fake = weight();
    fake.call(randn([3, 2]));
    const state = fake.stateDict();
    expect(() => fake.loadStateDict({ ...state, scale: tensor([1, 2]) })).toThrow(
      'scale: expected 3 finite numbers > 0, found [2] 1,2',
    );
    expect(() => fake.loadStateDict({ ...state, zero_point: zero(2) })).toThrow(
      'as many numbers as scale, from -128 to 127, found [2] 0,0',
    );
  });
});

test('a learned scale may be whatever training made it', () => {
  const fake = new LearnableFakeQuantize();
  fake.loadStateDict({ ...fake.stateDict(), scale: tensor([-1]), zero_point: tensor([300.5]) });
  expect(numbers(fake.scale)).toEqual([-1]);
});

class Net extends Module {
  readonly net = new Sequential(new Conv2d(1, 2, 1), new ReLU());
  readonly sum = new FloatFunctional();
  forward(x: Tensor) {
    const y = this.net.call(x);
    return this.sum.add(y, y);
  }
}
async function int8Net(): Promise<Module> {
  const prepared = prepare(new QuantWrapper(new Net()).eval(), getDefaultQConfigMapping('qnnpack'));
  prepared.call(randn([1, 1, 2, 2], { backend: prepared.parameters()[0].backend }));
  return convert(prepared) as Promise<Module>;
}

describe('an int8 model', () => {
  const backends = (state: StateDict) => [...new Set(Object.values(state).map((t) => t.backend.name))];

  test('is all on the backend that it was moved to, its copies too', async () => {
    const int8 = await int8Net();
    expect(backends(int8.to(other).stateDict())).toEqual(['other']);
    expect(backends(int8.clone().stateDict())).toEqual(['other']);
    expect(backends((await int8.toAsync(reference)).stateDict())).toEqual([reference.name]);
  });

  test('is all where it was converted, whatever the default is then', async () => {
    setBackend(other);
    const int8 = await int8Net();
    setBackend(reference);
    expect(backends(int8.stateDict())).toEqual(['other']);
  });

  test('a module without tensors knows where it was moved', async () => {
    const quant = (await int8Net()).getSubmodule('quant');
    expect(backends(quant.stateDict())).toEqual([reference.name]);
    expect(backends(quant.to(other).stateDict())).toEqual(['other']);
  });

  test.each<[string, Tensor, string]>([
    ['quant.scale', tensor([Number.NaN]), 'quant.scale: expected one finite number > 0, found [1] NaN'],
    ['quant.scale', tensor([1, 2]), 'found [2] 1,2'],
    ['module.net.0.scale', tensor(0), 'module.net.0.scale: expected one finite number > 0, found [] 0'],
    ['quant.zero_point', tensor([256], { dtype: 'int32' }), 'one whole number from 0 to 255, found [1] 256'],
  ])('refuses a bad %s', async (key, value, message) => {
    const int8 = await int8Net();
    const before = facts(int8);
    expect(() => int8.loadStateDict({ ...int8.stateDict(), [key]: value })).toThrow(message);
    expect(facts(int8)).toEqual(before);
  });
});

test('a dynamic layer loads PyTorch’s, which has a scale that it doesn’t use', async () => {
  const model = (await quantizeDynamic(new Sequential(new Linear(2, 2)))) as Sequential;
  const layer = model.at(0) as dynamic.Linear;
  const unused = { scale: tensor(1), zero_point: tensor(0, { dtype: 'int32' }) };
  expect(layer.loadStateDict({ ...layer.stateDict(), ...unused }).unexpectedKeys).toEqual([]);
  // That of a static layer has one that matters.
  expect(() => layer.loadStateDict({ ...layer.stateDict(), ...unused, scale: tensor(0.5) })).toThrow(
    'scale: expected 1, which is unused, found [] 0.5',
  );
});

test('a layer without bias loads the zeros that PyTorch packs for it, and no other bias', async () => {
  const model = await quantizeDynamic(new Sequential(new Linear(2, 2, { bias: false })));
  const state = model.stateDict();
  model.loadStateDict({ ...state, '0.bias': zeros([2]) });
  expect(() => model.loadStateDict({ ...state, '0.bias': tensor([0, 1]) })).toThrow(
    '0.bias: expected none or zeros, found [2] 0,1',
  );
});
