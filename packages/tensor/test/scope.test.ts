import { describe, expect, test } from 'vitest';
import { ones, scope, type Tensor, tensor } from '../src';
import { list } from './support/layouts';

describe('scope', () => {
  test('frees what it made but for what it returns', () => {
    let inner: Tensor | undefined;
    const y = scope(() => {
      inner = ones([2]);
      return inner.add(1);
    });
    expect(list(y)).toEqual([2, 2]);
    expect(() => inner?.dataSync()).toThrow(
      'tensor: expected a tensor whose memory is alive, found one that dispose() or the end of a scope has freed. ' +
        'Dispose later, or return the tensor from the scope; views share the memory of their source.',
    );
  });

  test('keeps tensors in arrays and plain objects, views, and those asked for', () => {
    let kept: Tensor | undefined;
    const [a, { b }, view] = scope(() => {
      kept = tensor([3]).keep();
      return [tensor([1]), { b: tensor([2]) }, tensor([[4, 5]]).select(0, 0)] as const;
    });
    expect([a, b, kept as Tensor, view].map(list)).toEqual([[1], [2], [3], [4, 5]]);
  });

  test('leaves alone what was there before', () => {
    const x = ones([1]);
    scope(() => x.add(1));
    expect(list(x)).toEqual([1]);
  });

  test('hands the result of an inner scope to the outer', () => {
    let inner: Tensor | undefined;
    scope(() => {
      inner = scope(() => ones([1]));
      expect(list(inner)).toEqual([1]);
    });
    expect(inner?.storage.freed).toBe(true);
  });

  test('frees when the function throws', () => {
    let inner: Tensor | undefined;
    expect(() =>
      scope(() => {
        inner = ones([1]);
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(inner?.storage.freed).toBe(true);
    expect(ones([1]).storage.freed).toBe(false);
  });

  test('trains', () => {
    const w = tensor([2], { requiresGrad: true });
    const g = scope(() => {
      w.square().sum().backward();
      return w.grad as Tensor;
    });
    expect(list(g)).toEqual([4]);
  });

  test('refuses promises', () => {
    expect(() => scope(async () => 1)).toThrow(/scope: expected a synchronous function, found a promise/);
  });
});

describe('dispose', () => {
  test('frees all views, once', () => {
    const x = ones([2, 2]);
    const row = x.select(0, 0);
    x.dispose();
    x.dispose();
    expect(() => row.add(1)).toThrow(/whose memory is alive/);
  });

  test('using frees at the end of the block', () => {
    let seen: Tensor;
    {
      using x = ones([1]);
      seen = x;
    }
    expect(seen.storage.freed).toBe(true);
  });
});
