import { capture } from '@octet/graph';
import { randn } from '@octet/tensor';
import { expect, test } from 'vitest';
import { Linear, Module, ReLU, Sequential } from '../src';

test('a captured model: paths, hooks and errors as in an ordinary call', () => {
  const model = new Sequential(new Linear(3, 4), new ReLU());
  const seen: string[] = [];
  model.at(1).registerForwardHook(() => {
    seen.push('hook');
  });
  const { kernels, calls } = capture(model, randn([2, 3]));
  expect(kernels.map((k) => [k.kernel, k.call?.path])).toEqual([
    ['linear', '0'],
    ['relu', '1'],
  ]);
  expect(calls.map(({ path }) => path)).toEqual(['', '0', '1']);
  expect(seen).toEqual(['hook']);
  expect(() => capture(model, randn([2, 5]))).toThrow(/in 0 \(Linear\)/);
});

test('a module that is no part of the model has no path', () => {
  const outside = new ReLU();
  class Uses extends Module {
    override forward(x: Parameters<ReLU['forward']>[0]) {
      return outside.call(x);
    }
  }
  const { calls, kernels } = capture(new Uses(), randn([1]));
  expect(calls.map(({ path }) => path)).toEqual(['', undefined]);
  expect(kernels[0].call?.module).toBe(outside);
});
