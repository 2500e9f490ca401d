import { BatchNorm1d, BatchNorm2d, Conv2d, Linear, LSTM, type Module, ReLU, Sequential } from '@octet/nn';
import { manualSeed, noGrad, randn } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  convert,
  fuse,
  fuseModules,
  fuseModulesQat,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  leaveInFloat,
  prepare,
  prepareQat,
  QuantWrapper,
  quantizeDynamic,
} from '../src';

beforeEach(() => void manualSeed(2));
afterEach(() => vi.restoreAllMocks());

/** Notes when a module's hooks run. */
function watch(module: Module, name: string, runs: string[]) {
  return [
    module.registerForwardPreHook(() => void runs.push(`before ${name}`)),
    module.registerForwardHook(() => void runs.push(`after ${name}`)),
  ];
}

const noWarning = () => vi.spyOn(console, 'warn').mockImplementation(() => {});

/** What the hooks of conv, bn and relu do in one call. */
function watched() {
  const model = new Sequential(new Conv2d(2, 3, 1), new BatchNorm2d(3), new ReLU());
  const runs: string[] = [];
  const handles = ['conv', 'bn', 'relu'].flatMap((name, i) => watch(model.at(i), name, runs));
  return { model, runs, handles };
}

const x = () => randn([2, 2, 4, 4]);
const all = ['0', '1', '2'];

describe('fusing keeps the hooks', () => {
  test('folded: before the first, after the first as long as it is a layer, after the last; the rest is named', () => {
    const warn = noWarning();
    const { model, runs } = watched();
    fuseModules(model.eval(), all).call(x());
    // ReLU's own hook before it still sees what comes in.
    expect(runs).toEqual(['before conv', 'after conv', 'before relu', 'after relu']);
    expect(warn.mock.calls).toHaveLength(1);
    expect(warn.mock.calls[0][0]).toMatch(/fuseModules: hooks inside 1 \(BatchNorm2d\) are lost/);
  });

  test('convolution and batch normalisation', () => {
    noWarning();
    const { model, runs } = watched();
    fuseModules(model.eval(), ['0', '1']).call(x());
    expect(runs).toEqual(['before conv', 'after conv', 'after bn', 'before relu', 'after relu']);
  });

  test('in training all stay', () => {
    const { model, runs } = watched();
    fuseModulesQat(model, all).call(x());
    expect(runs).toEqual(['before conv', 'after conv', 'before bn', 'after bn', 'before relu', 'after relu']);
  });

  test('in a copy too, and a copy leaves the original its own', () => {
    noWarning();
    const { model, runs } = watched();
    const copy = fuse(model.eval());
    copy.call(x());
    expect(runs).toContain('before conv');
    expect(runs).toContain('after relu');
    runs.length = 0;
    model.call(x());
    expect(runs).toHaveLength(6);
  });

  test('several hooks on a place, in order; what they return counts; handles go on working', () => {
    const model = new Sequential(new Linear(2, 2), new BatchNorm1d(2)).eval();
    const seen: number[] = [];
    const first = model.at(1).registerForwardHook(() => void seen.push(1));
    model.at(1).registerForwardHook(() => void seen.push(2));
    model.at(0).registerForwardPreHook((_, [input]) => [input.mul(0)]);
    const expected = model.call(randn([3, 2])).dataSync();
    fuseModules(model, ['0', '1']);
    seen.length = 0;
    const y = model.call(randn([3, 2])).dataSync();
    y.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i], 5);
    });
    expect(seen).toEqual([1, 2]);
    first.remove();
    first.remove();
    model.call(randn([3, 2]));
    expect(seen).toEqual([1, 2, 2]);
  });
});

describe('hooks go from the float model to the int8 one', () => {
  const build = () => {
    const layers = new Sequential(new Conv2d(2, 3, 1), new ReLU(), new Conv2d(3, 2, 1));
    const runs: string[] = [];
    watch(layers.at(0), 'conv', runs);
    watch(layers.at(1), 'relu', runs);
    watch(layers.at(2), 'head', runs);
    const model = new QuantWrapper(layers);
    watch(model, 'model', runs);
    return { model, runs };
  };
  const once = [
    'before model',
    'before conv',
    'after conv',
    'before relu',
    'after relu',
    'before head',
    'after head',
    'after model',
  ];

  test.each([true, false])('prepare and convert, inplace: %s', async (inplace) => {
    const { model, runs } = build();
    const prepared = prepare(model.eval(), getDefaultQConfigMapping('qnnpack'), { inplace });
    prepared.call(x());
    expect(runs).toEqual(once);
    const int8 = await convert(prepared, { inplace });
    runs.length = 0;
    noGrad(() => int8.call(x()));
    expect(runs).toEqual(once);
  });

  test.each([true, false])('prepareQat and convert, inplace: %s', async (inplace) => {
    const { model, runs } = build();
    const qat = prepareQat(model, getDefaultQatQConfigMapping('qnnpack'), { inplace });
    qat.call(x()).sum().backward();
    expect(runs).toEqual(once);
    const int8 = await convert(qat, { inplace });
    runs.length = 0;
    noGrad(() => int8.call(x()));
    expect(runs).toEqual(once);
  });

  test('fused: the hooks before the first and after the last; those inside are named', async () => {
    const warn = noWarning();
    const { model, runs } = build();
    const qat = prepareQat(fuse(model), getDefaultQatQConfigMapping('qnnpack'));
    expect(warn.mock.calls[0][0]).toMatch(/prepareQat: hooks.*inside module\.0 \(ConvReLU2d\) are lost/);
    qat.call(x());
    const int8 = await convert(qat.eval());
    runs.length = 0;
    noGrad(() => int8.call(x()));
    const whole = ['before conv', 'after relu', 'before head', 'after head'];
    expect(runs).toEqual(['before model', ...whole, 'after model']);
  });

  test('hooks of the user see what the observer, or fake quantization, gave', () => {
    const { model } = build();
    const qat = prepareQat(model, getDefaultQatQConfigMapping('qnnpack'));
    const layer = qat.getSubmodule('module.0');
    let values = new Set<number>();
    layer.registerForwardHook((_, __, y) => {
      values = new Set((y as ReturnType<typeof x>).dataSync());
    });
    qat.call(randn([8, 2, 16, 16]));
    expect(values.size).toBeLessThanOrEqual(256);
  });

  test('quantizeDynamic, of LSTM too, and leaveInFloat', async () => {
    const runs: string[] = [];
    const model = new Sequential(new Linear(3, 3), new ReLU());
    watch(model.at(0), 'linear', runs);
    (await quantizeDynamic(model)).call(randn([2, 3]));
    expect(runs).toEqual(['before linear', 'after linear']);
    runs.length = 0;
    const lstm = new LSTM(3, 3);
    lstm.registerForwardHook(() => void runs.push('after lstm'));
    (await quantizeDynamic(lstm)).call(randn([2, 1, 3]));
    expect(runs).toEqual(['after lstm']);
    runs.length = 0;
    leaveInFloat(model, ['0'], getDefaultQConfigMapping()).model.call(randn([2, 3]));
    expect(runs).toEqual(['before linear', 'after linear']);
  });

  test('an int8 model has no hooks but the user’s', async () => {
    const { hasHooks } = await import('@octet/nn');
    const layers = new Sequential(new Conv2d(2, 3, 1), new BatchNorm2d(3), new ReLU());
    const prepared = prepare(fuse(new QuantWrapper(layers).eval()), getDefaultQConfigMapping('qnnpack'));
    prepared.call(x());
    expect((await convert(prepared)).modules().filter(hasHooks)).toEqual([]);
  });
});
