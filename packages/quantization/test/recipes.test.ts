import { expect, test } from 'vitest';
import {
  defaultQEngine,
  type FakeQuantizeBase,
  getDefaultDynamicQConfig,
  getDefaultQatQConfig,
  getDefaultQatQConfigMapping,
  getDefaultQConfig,
  getDefaultQConfigMapping,
  HistogramObserver,
  MovingAveragePerChannelMinMaxObserver,
  PerChannelMinMaxObserver,
  qEngines,
} from '../src';

const qconfigs = { getDefaultQConfig, getDefaultQatQConfig, getDefaultDynamicQConfig };

test.each(Object.entries(qconfigs))('%s: onednn by default, 8 bits and weights per channel', (_, get) => {
  expect(defaultQEngine).toBe('onednn');
  expect(get()).toBe(get('onednn'));
  const { activation, weight } = get();
  const [made, weights] = [activation(), weight()];
  expect([made.dtype, made.reduceRange, made.chAxis]).toEqual(['quint8', false, undefined]);
  expect([weights.dtype, weights.qscheme, weights.chAxis]).toEqual(['qint8', 'perChannelSymmetric', 0]);
});

test('the observers are those of PyTorch’s onednn', () => {
  expect(getDefaultQConfig().activation()).toBeInstanceOf(HistogramObserver);
  expect(getDefaultQConfig().weight()).toBeInstanceOf(PerChannelMinMaxObserver);
  const weight = getDefaultQatQConfig().weight() as FakeQuantizeBase;
  expect(weight.activationPostProcess).toBeInstanceOf(MovingAveragePerChannelMinMaxObserver);
});

test('mappings have the default recipes, and every engine has its own', () => {
  const ptq = getDefaultQConfigMapping();
  const qat = getDefaultQatQConfigMapping();
  expect(ptq).toEqual(getDefaultQConfigMapping('onednn'));
  expect(qat).toEqual(getDefaultQatQConfigMapping('onednn'));
  for (const engine of qEngines) {
    const seven = engine === 'x86' || engine === 'fbgemm';
    for (const get of Object.values(qconfigs)) expect(get(engine).activation().reduceRange).toBe(seven);
  }
});
