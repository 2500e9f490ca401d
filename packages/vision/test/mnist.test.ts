import { expect, test } from 'vitest';
import { mnist } from '../src';

const all = (set: { length: number; get(i: number): unknown }) =>
  Array.from(
    { length: set.length },
    (_, i) =>
      set.get(i) as { image: { dataSync(): ArrayLike<number>; shape: readonly number[] }; label: number },
  );

test('10,000 real digits, split once, every class in both parts', async () => {
  const { train, test: held } = await mnist();
  expect([train.length, held.length]).toEqual([8000, 2000]);
  const keys = (set: typeof train) =>
    all(set).map(({ image, label }) => `${label}:${Array.from(image.dataSync()).join()}`);
  const inTrain = new Set(keys(train));
  const heldKeys = keys(held);
  expect(heldKeys.filter((key) => inTrain.has(key)).length).toBeLessThanOrEqual(2);
  for (let digit = 0; digit < 10; digit++) {
    expect(heldKeys.filter((key) => key.startsWith(`${digit}:`)).length).toBeGreaterThan(120);
  }
  const { image } = all(train)[0];
  expect(image.shape).toEqual([1, 28, 28]);
  const values = Array.from(image.dataSync());
  expect(Math.min(...values)).toBe(0);
  expect(Math.max(...values)).toBeGreaterThan(0.9);
  expect(Math.max(...values)).toBeLessThanOrEqual(1);
}, 30_000);

test('the same seed gives the same digits, and the held-out ones do not depend on how many are learned from', async () => {
  const [a, b, c] = await Promise.all([
    mnist({ train: 5, test: 3 }),
    mnist({ train: 9, test: 3 }),
    mnist({ train: 5, test: 3, seed: 1 }),
  ]);
  const labels = (set: Parameters<typeof all>[0]) => all(set).map((d) => d.label);
  const ink = (set: Parameters<typeof all>[0]) =>
    all(set).map((d) => Array.from(d.image.dataSync()).reduce((s, v) => s + v, 0));
  expect(ink(b.test)).toEqual(ink(a.test));
  expect(labels(b.train).slice(0, 5)).toEqual(labels(a.train));
  expect(ink(c.test)).not.toEqual(ink(a.test));
});

test('more digits than there are', async () => {
  await expect(mnist({ train: 9000, test: 2000 })).rejects.toThrow(/at most 10000/);
  await expect(mnist({ train: 1.5 })).rejects.toThrow(/whole numbers/);
});
