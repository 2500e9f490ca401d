import { ArgumentError, ModuleError } from '@octet/backend';
import { zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import * as nn from '../src';

/** As callers see the classes who have no types. */
type Class = new (...args: unknown[]) => nn.Module;
const classes = { ...nn } as unknown as Record<string, Class>;
const make = (name: string, ...args: unknown[]) => new classes[name](...args);
const linear = () => new nn.Linear(2, 2) as unknown as Record<string, (...args: unknown[]) => unknown>;

describe('what JavaScript lets through is refused with a word on it', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['LeakyReLU', () => make('LeakyReLU', { negativeSlope: 0.1 }), /expected negativeSlope to be a number/],
    ['Softmax', () => make('Softmax'), /Softmax: expected dim to be a number, found undefined/],
    [
      'LogSoftmax',
      () => make('LogSoftmax', { dim: 1 }),
      /expected dim to be a number, found an object of \{ dim \}/,
    ],
    ['Flatten', () => make('Flatten', { startDim: 1 }), /expected startDim to be a number/],
    ['Dropout', () => make('Dropout', '0.5'), /expected p from 0 to 1, found '0.5'/],
    [
      'Linear',
      () => make('Linear', 2, 2, { bias: 'false' }),
      /expected bias to be true or false, found 'false'/,
    ],
    ['Conv2d', () => make('Conv2d', 2, 2, 1, { bias: 0 }), /expected bias to be true or false, found 0/],
    ['train', () => linear().train('false'), /train: expected mode to be true or false/],
    ['apply', () => linear().apply(), /apply: expected fn to be a function, found undefined/],
    ['hooks', () => linear().registerForwardHook({}), /expected hook to be a function/],
    [
      'uniform_',
      () => nn.init.uniform_(zeros([2]), { generator: 1 } as never),
      /expected low to be a number/,
    ],
    ['normal_', () => nn.init.normal_(zeros([2]), { mean: 1 } as never), /expected mean to be a number/],
    ['constant_', () => nn.init.constant_(zeros([2]), {} as never), /expected value to be a number/],
    ['to', () => linear().to('cuda'), /or a backend, found 'cuda'/],
    ['to nothing', () => linear().to(), /expected a backend, found undefined/],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test('modules beside one another where a list is meant', () => {
    expect(() => make('ModuleList', linear(), linear())).toThrow(ModuleError);
    expect(() => make('ModuleList', linear(), linear())).toThrow(/found a Linear.*ModuleList\(\[/);
  });

  test('what is no state dict', () => {
    for (const state of [undefined, 'file.pt', Promise.resolve({})]) {
      expect(() => linear().loadStateDict(state)).toThrow(ModuleError);
      expect(() => linear().loadStateDict(state)).toThrow(/expected a state dict, found.*await load\(file\)/);
    }
  });

  test('the check is an ArgumentError', () => {
    expect(() => linear().train(0)).toThrow(ArgumentError);
  });
});
