import { createWasmBackend } from '@octet/backend-wasm-simd';
import { Generator, setBackend } from '@octet/tensor';
import { beforeAll, expect, test } from 'vitest';
import { augment } from '../src/augment';
import { classify, loadModel, planFor, saveModel } from '../src/model';
import { rasterize } from '../src/pad/strokes';
import { packSamples, type Sample, unpackSamples } from '../src/samples';
import { type TrainingStep, trainDigits } from '../src/training';
import { hand } from './hand';

beforeAll(async () => {
  setBackend(await createWasmBackend({ threads: 1 }));
});

const random = new Generator(7);
const samples: Sample[] = Array.from({ length: 131 }, (_, i) => ({
  pixels: augment(rasterize(hand[i % 10]), random),
  label: i % 10,
}));
const data = unpackSamples(packSamples(samples));

/** Trains until `finishAt`, or to the end. */
async function train(epochs: number, finishAt = Infinity) {
  const training = trainDigits({
    train: data,
    test: data,
    floatEpochs: epochs,
    qatEpochs: epochs,
    measureEvery: 4,
    seed: 3,
  });
  const steps: TrainingStep[] = [];
  let result = await training.next();
  for (; !result.done; result = await training.next(steps.length >= finishAt)) steps.push(result.value);
  return { steps, trained: result.value };
}

test('files of samples', () => {
  expect(data.length).toBe(131);
  expect(data.get(42)).toEqual(samples[42]);
  expect(() => unpackSamples(new Uint8Array(784))).toThrow('No file of digits: 784 bytes');
});

test('learns, in float and then in QAT, and gives the same for the same seed', async () => {
  const { steps, trained } = await train(16);
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
  expect(steps.filter(({ phase }) => phase === 'qat')).toHaveLength(32);
  expect(steps.filter(({ accuracy }) => accuracy !== undefined)).toHaveLength(16);
  expect(steps[0].loss).toBeGreaterThan(1.5);
  expect(trained.accuracy.float).toBeGreaterThan(0.5);
  expect(trained.accuracy.int8).toBeGreaterThan(0.5);
  expect((await train(16, 5)).steps.slice(0, 5)).toEqual(steps.slice(0, 5));
});

test('comes to an end when asked, with models that can be saved and loaded', async () => {
  const { steps, trained } = await train(8, 3);
  expect(steps.map(({ phase }) => phase)).toEqual([...Array(3).fill('float'), ...Array(8).fill('qat')]);
  const image = Float32Array.from(samples[5].pixels, (byte) => byte / 255);
  const before = await classify(planFor(trained.int8), image);
  const after = await classify(planFor(await loadModel('int8', await saveModel(trained.int8))), image);
  expect(after).toEqual(before);
  expect(before.reduce((a, b) => a + b)).toBeCloseTo(1);
  await expect(loadModel('int8', await saveModel(trained.float))).rejects.toThrow();
});
