import { describe, expect, test } from 'vitest';
import { getBackend, grad, noGrad, ones, scope, type Tensor } from '../src';
import { differentiable, inputsOf } from './support/differentiable';
import { layouts } from './support/layouts';

/** Bytes that `fn` leaves behind, beside the memory of the tensors that it returns and of those given. */
function leftovers(given: readonly Tensor[], fn: () => readonly (Tensor | undefined)[]): number {
  const bytes = () => getBackend().memory?.().bytes as number;
  const before = bytes();
  const results = fn().filter((t) => t !== undefined);
  const size = ({ storage }: Tensor) => storage.length * (storage.dtype === 'float64' ? 8 : 4);
  const own = new Map(results.map((t) => [t.storage, size(t)]));
  for (const { storage } of given) own.delete(storage);
  return bytes() - before - [...own.values()].reduce((a, b) => a + b, 0);
}

// Where nobody collects garbage, as between two tasks, only what ops free themselves is freed.
describe.each(Object.entries(differentiable))('%s leaves nothing behind', (_, entry) => {
  test.each(Object.entries(layouts))('%s', (_, layout) => {
    const inputs = inputsOf(entry, 'float64').map(layout);
    const call = () => [entry.fn(...inputs)].flat();
    // Its constants are made now.
    noGrad(call);
    expect(leftovers(inputs, () => noGrad(call))).toBe(0);
    for (const x of inputs) x.requiresGrad = true;
    const backward = () => {
      const ys = call();
      const gradOutputs = scope(() => ys.map((y) => ones(y.shape, { dtype: 'float64' })));
      const found = grad(ys, inputs, { gradOutputs, allowUnused: true });
      return [...ys, ...gradOutputs, ...found];
    };
    expect(leftovers(inputs, backward)).toBe(0);
  });
});
