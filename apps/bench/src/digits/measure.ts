import { stat } from 'node:fs/promises';
import { breathe, signal } from '@octet/cli/interrupt';
import { DataLoader, type Dataset } from '@octet/data';
import { save } from '@octet/formats';
import type { Module } from '@octet/nn';
import { getBackend, noGrad } from '@octet/tensor';
import type { Digit } from '@octet/vision';
import { median, timeInTurn } from '../timing';

/** What a model takes the digits for, in their order. @throws Interrupted */
export async function predict(model: Module, data: Dataset<Digit>): Promise<number[]> {
  const predictions: number[] = [];
  for (const { image } of new DataLoader({ dataset: data, batchSize: 100 })) {
    await breathe();
    predictions.push(...(await noGrad(() => model.call(image).argmax(1)).data()));
  }
  return predictions;
}

/** The part of the digits that were recognised. */
export function accuracy(predictions: readonly number[], data: Dataset<Digit>): number {
  return predictions.filter((label, i) => label === data.get(i).label).length / data.length;
}

/** The milliseconds that each model takes for 1,000 digits, in batches of 100, timed in turn. @throws Interrupted */
export async function timeThousand(models: readonly Module[], data: Dataset<Digit>): Promise<number[]> {
  const hundred = { length: 100, get: (i: number) => data.get(i % data.length) };
  const [{ image }] = new DataLoader({ dataset: hundred, batchSize: 100 });
  const calls = models.map((model) => () => noGrad(() => model.call(image)));
  const times = await timeInTurn(calls, { runs: 11, backend: getBackend() });
  return times.map((ms) => 10 * median(ms));
}

/** Saves the state of a model; gives the bytes of the file. @throws Interrupted */
export async function saveCheckpoint(model: Module, file: string): Promise<number> {
  await save(model.stateDict(), file, { signal });
  return (await stat(file)).size;
}
