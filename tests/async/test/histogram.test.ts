import type { Backend } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { withoutSyncReads } from '@octet/backend-testkit';
import { Linear } from '@octet/nn';
import {
  convert,
  FakeQuantize,
  flushObservers,
  getDefaultQConfigMapping,
  HistogramObserver,
  prepare,
  QuantWrapper,
} from '@octet/quantization';
import { Generator, randn, setBackend, type Tensor, tensor } from '@octet/tensor';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';

const later: Backend<HostBuffer> = withoutSyncReads(referenceBackend);

beforeEach(() => setBackend(later));
afterEach(() => setBackend(referenceBackend));

/** One number at first, then ranges that grow at both ends. */
function batches(): Tensor[] {
  const generator = new Generator(4);
  return [
    tensor([0.5, 0.5]),
    ...[1, 2, 3, 4].map((i) => randn([3, 7], { generator }).affine(i, i % 2 ? 3 * i : -i)),
  ];
}

/** Histogram, scale and zero point. */
async function findings(observer: HistogramObserver): Promise<unknown> {
  const { scale, zeroPoint } = observer.calculateQparams();
  return [await observer.histogram.data(), await scale.data(), await zeroPoint.data()];
}

/** Those of the reference, which reads at once, after the first batches. */
async function expected(count: number): Promise<unknown> {
  setBackend(referenceBackend);
  const observer = new HistogramObserver({ bins: 31 });
  for (const x of batches().slice(0, count)) observer.call(x);
  setBackend(later);
  return findings(observer);
}

test('counts the batches in their order, and refuses to say anything before', async () => {
  const observer = new HistogramObserver({ bins: 31 });
  for (const x of batches()) {
    observer.call(x);
    // What is read is what was there at the call.
    x.fill_(1000).dispose();
  }
  expect(observer.observed).toBe(true);
  for (const early of [() => observer.calculateQparams(), () => observer.stateDict()])
    expect(early).toThrow(/found 5 on the way from backend 'async-js'.*await flushObservers\(model\)/);
  await Promise.all([flushObservers(observer), flushObservers(observer)]);
  expect(await findings(observer)).toEqual(await expected(5));
});

test('counts them in by itself, too', async () => {
  const observer = new HistogramObserver({ bins: 31 });
  for (const x of batches()) observer.call(x);
  await expect.poll(() => observer.calculateQparams()).toBeDefined();
  expect(await findings(observer)).toEqual(await expected(5));
});

test('a clone has its own queue', async () => {
  const [first, second, ...rest] = batches();
  const observer = new HistogramObserver({ bins: 31 });
  observer.call(first);
  observer.call(second);
  const copy = observer.clone();
  for (const x of rest) observer.call(x);
  await flushObservers(copy);
  await flushObservers(observer);
  expect(await findings(copy)).toEqual(await expected(2));
  expect(await findings(observer)).toEqual(await expected(5));
});

test('resetting and loading forget what is on its way', async () => {
  const [observer, other] = [new HistogramObserver({ bins: 31 }), new HistogramObserver({ bins: 31 })];
  for (const each of [observer, other]) each.call(tensor([-1000, 1000]));
  observer.resetMinMaxVals();
  for (const x of batches()) observer.call(x);
  await flushObservers(observer);
  expect(await findings(observer)).toEqual(await expected(5));
  await other.loadStateDictAsync(observer.stateDict());
  await flushObservers(other);
  expect(await findings(other)).toEqual(await expected(5));
});

test('NaN is found when it arrives', async () => {
  const observer = new HistogramObserver();
  observer.call(tensor([1, Number.NaN]));
  observer.call(tensor([1, 2]));
  for (let i = 0; i < 2; i++)
    await expect(flushObservers(observer)).rejects.toThrow('expected finite values');
  expect(() => observer.call(tensor([1, 2]))).toThrow('expected finite values');
  expect(() => observer.calculateQparams()).toThrow('expected finite values');
  observer.resetMinMaxVals();
  observer.call(tensor([1, 2]));
  await flushObservers(observer);
});

test('NaN that a model’s observer was shown is found by convert, which names the layer', async () => {
  const model = prepare(new QuantWrapper(new Linear(1, 1)).eval(), getDefaultQConfigMapping('qnnpack'));
  (model.module as Linear).registerForwardHook((_, __, y) => y.mul(Number.NaN), { prepend: true });
  model.call(tensor([[1], [2]]));
  for (let i = 0; i < 2; i++)
    await expect(convert(model)).rejects.toThrow(/found .*NaN.* \(module\.activationPostProcess\)/);
});

test('no more than so many bytes are on their way, over all observers', async () => {
  const { maxReadingBytes } = HistogramObserver;
  HistogramObserver.maxReadingBytes = 100;
  onTestFinished(() => void Object.assign(HistogramObserver, { maxReadingBytes }));
  const [a, b] = [new HistogramObserver(), new HistogramObserver()];
  // A single one that is larger is as good as any.
  a.call(randn([5, 7]));
  expect(() => b.call(randn([1]))).toThrow(
    /expected at most 100 bytes on the way .* found 144\. Calibrate with smaller batches/,
  );
  expect(b.observed).toBe(false);
  await flushObservers(a);
  b.call(randn([1]));
  await flushObservers(b);
});

test('a read that fails is told to who waits', async () => {
  const lost = Object.assign(Object.create(later), { read: () => Promise.reject(new Error('device lost')) });
  const observer = new HistogramObserver();
  observer.call(tensor([1, 2], { backend: lost }));
  observer.call(tensor([1, 2], { backend: lost }));
  await expect(flushObservers(observer)).rejects.toThrow('device lost');
});

test('fake quantization by it needs its numbers at once, and says so', () => {
  const fake = new FakeQuantize({ observer: HistogramObserver });
  expect(() => fake.call(tensor([1, 2]))).toThrow('found 1 on the way');
});
