import { ArgumentError, OctetError } from '@octet/backend';
import { ones } from '@octet/tensor';
import { expect, test } from 'vitest';
import * as layers from '../src';

// biome-ignore lint/suspicious/noExplicitAny: calls as JavaScript allows them
const nn = layers as any;
const weight = () => ones([2, 2]);

test.each<[text: string, call: () => unknown, message: RegExp]>([
  ['a slope in options', () => new nn.LeakyReLU({ negativeSlope: 0.2 }), /negativeSlope to be a number/],
  ['a slope as text', () => new nn.LeakyReLU('0.2'), /LeakyReLU: expected negativeSlope to be a number/],
  ['inplace of LeakyReLU', () => new nn.LeakyReLU(0.2, true), /LeakyReLU: expected no options, found true/],
  ['bounds as texts', () => new nn.Hardtanh('0', '6'), /Hardtanh: expected minVal to be a number/],
  ['inplace of Hardtanh', () => new nn.Hardtanh(0, 6, true), /Hardtanh: expected no options/],
  ['two sizes', () => new nn.AdaptiveAvgPool2d(1, 2), /AdaptiveAvgPool2d: expected no options, found 2/],
  ['no dim', () => new nn.Softmax(), /Softmax: expected dim to be a number, found undefined/],
  ['a dim in options', () => new nn.LogSoftmax({ dim: 1 }), /LogSoftmax: expected dim to be a number/],
  ['dims in options', () => new nn.Flatten({ startDim: 1 }), /Flatten: expected startDim to be a number/],
  ['a probability as text', () => new nn.Dropout('0.5'), /Dropout: expected p from 0 to 1, found '0.5'/],
  ['layers one by one', () => new nn.ModuleList(new nn.ReLU()), /ModuleList: expected an array of modules/],
  [
    'a mean in options',
    () => nn.init.normal_(weight(), { mean: 0 }),
    /normal_: expected mean to be a number/,
  ],
  ['a bound in options', () => nn.init.uniform_(weight(), { a: 0 }), /uniform_: expected low to be a number/],
  ['no constant', () => nn.init.constant_(weight()), /value to be a number, found undefined/],
  [
    'a mode by PyTorch’s name',
    () => nn.init.kaimingNormal_(weight(), { mode: 'fan_in' }),
    /kaimingNormal_: expected mode to be 'fanIn' or 'fanOut', found 'fan_in'/,
  ],
  ['no target', () => new nn.Linear(2, 2).to(), /to: expected a backend or a dtype, found undefined/],
  ['no hook', () => new nn.Linear(2, 2).registerForwardHook(5), /registerForwardHook: expected a function/],
])('%s is refused', (_, call, message) => {
  expect(call).toThrow(ArgumentError);
  expect(call).toThrow(message);
});

test('a class where a layer should be is named, not printed', () => {
  expect(() => new nn.Sequential(nn.ReLU)).toThrow(/a module, found the function ReLU\./);
});

test('no state dict is refused by name', () => {
  const linear = new nn.Linear(2, 2);
  expect(() => linear.loadStateDict(undefined)).toThrow(OctetError);
  expect(() => linear.loadStateDict(undefined)).toThrow(/expected a state dict, found undefined/);
});
