import { referenceBackend } from '@octet/backend-js-reference';
import { afterEach, expect, test } from 'vitest';
import { getBackend, setBackend, tensor, withBackend } from '../src';

const other = { ...referenceBackend, name: 'other' };

afterEach(() => setBackend(referenceBackend));

test('new tensors are made there, and nowhere else', () => {
  const inside = withBackend(other, () => tensor([1]));
  expect(inside.backend).toBe(other);
  expect(tensor([1]).backend).toBe(referenceBackend);
});

test('after an error the one before is back', () => {
  const fails = () => {
    throw new Error('no');
  };
  expect(() => withBackend(other, fails)).toThrow('no');
  expect(getBackend()).toBe(referenceBackend);
});

test('until a promise is settled', async () => {
  const result = withBackend(other, async () => {
    await Promise.resolve();
    return getBackend();
  });
  expect(getBackend()).toBe(other);
  expect(await result).toBe(other);
  expect(getBackend()).toBe(referenceBackend);
  await expect(withBackend(other, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(getBackend()).toBe(referenceBackend);
});

test('refuses what is no backend, and runs nothing', () => {
  let ran = false;
  expect(() => withBackend({} as never, () => (ran = true))).toThrow('withBackend');
  expect(ran).toBe(false);
});
