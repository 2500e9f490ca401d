import { Conv2d, type Module, Sequential, Sigmoid, Tanh } from '@octet/nn';
import { manualSeed, noGrad, randn } from '@octet/tensor';
import { beforeEach, expect, test } from 'vitest';
import {
  convert,
  defaultFixedQparamsRange0to1FakeQuant,
  defaultFixedQparamsRangeNeg1to1FakeQuant,
  defaultFixedQparamsRangeNeg1to1Observer,
  disableFakeQuant,
  disableObserver,
  FakeQuantizeBase,
  FixedQParamsFakeQuantize,
  getDefaultQatQConfig,
  getDefaultQConfig,
  MinMaxObserver,
  prepare,
  prepareQat,
  QConfigMapping,
  QuantWrapper,
} from '../src';

beforeEach(() => void manualSeed(3));

const activations = () => new QuantWrapper(new Sequential(new Conv2d(2, 3, 1), new Sigmoid(), new Tanh()));

test('QAT rounds to the scales of the int8 forms, and the int8 twin agrees', async () => {
  const model = activations().train();
  model.qconfig = getDefaultQatQConfig('x86');
  const prepared = prepareQat(model);
  const x = randn([4, 2, 5, 5]).mul(3);
  prepared.call(x).square().mean().backward();
  expect(prepared.parameters().every((p) => p.grad?.dataSync().every(Number.isFinite))).toBe(true);
  prepared.eval().apply(disableObserver);
  const y = noGrad(() => prepared.call(x));
  const steps = y.mul(128).dataSync();
  expect(steps.every((s) => Number.isInteger(s))).toBe(true);
  const int8 = await convert(prepared);
  expect(int8.modules().some((m) => m instanceof FakeQuantizeBase)).toBe(false);
  const off = noGrad(() => int8.call(x).sub(y))
    .abs()
    .amax()
    .itemSync();
  // What the convolution may be off, by the slopes of sigmoid and tanh.
  expect(off).toBeLessThan(0.06);
});

test('between the stubs alone, QAT computes the integers of int8', async () => {
  const model = new QuantWrapper(new Sequential(new Sigmoid(), new Tanh())).train();
  model.qconfig = getDefaultQatQConfig('x86');
  const prepared = prepareQat(model);
  const x = randn([500]).mul(3);
  prepared.call(x);
  prepared.eval().apply(disableObserver);
  const int8 = await convert(prepared);
  expect(noGrad(() => int8.call(x)).dataSync()).toEqual(noGrad(() => prepared.call(x)).dataSync());
});

test('its state has the keys of PyTorch', () => {
  const model = activations().train();
  model.qconfig = getDefaultQatQConfig('qnnpack');
  const keys = Object.keys(prepareQat(model).stateDict()).filter((key) => key.startsWith('module.1.'));
  const at = 'module.1.activation_post_process';
  expect(keys.sort()).toEqual([
    `${at}.activation_post_process.scale`,
    `${at}.activation_post_process.zero_point`,
    `${at}.fake_quant_enabled`,
    `${at}.observer_enabled`,
    `${at}.scale`,
    `${at}.zero_point`,
  ]);
});

test('not without a recipe, and not in calibration', () => {
  const mapping = new QConfigMapping().setGlobal(getDefaultQatQConfig('x86')).exclude('module.1');
  const fixed = (model: Module) =>
    model.modules().filter((m) => m instanceof FixedQParamsFakeQuantize).length;
  expect(fixed(prepareQat(activations().train(), mapping))).toBe(1);
  const model = activations().eval();
  model.qconfig = getDefaultQConfig('x86');
  const prepared = prepare(model);
  expect(fixed(prepared)).toBe(0);
  expect(Object.keys(prepared.stateDict()).some((key) => /module\.[12]\./.test(key))).toBe(false);
});

test('the switches, and what it takes', () => {
  const fake = defaultFixedQparamsRange0to1FakeQuant();
  const x = randn([9]).sigmoid();
  expect(fake.call(x).mul(256).dataSync().every(Number.isInteger)).toBe(true);
  disableFakeQuant(fake);
  expect(fake.call(x)).toBe(x);
  expect(defaultFixedQparamsRangeNeg1to1FakeQuant().calculateQparams().zeroPoint.itemSync()).toBe(128);
  expect(defaultFixedQparamsRangeNeg1to1Observer().calculateQparams().scale.itemSync()).toBe(1 / 128);
  expect(() => new FixedQParamsFakeQuantize({ observer: MinMaxObserver })).toThrow(
    /expected a FixedQParamsObserver, found MinMaxObserver/,
  );
});
