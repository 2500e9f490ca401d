import { calibrate, convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { describe, expect, test } from 'vitest';
import { adaround, analyze, correctBias, sensitivity, tryRemedies } from '../src';
import { batches, fusedNet } from './models';

const data = batches(3);
const mapping = getDefaultQConfigMapping('qnnpack');

async function calibrated() {
  const prepared = prepare(fusedNet(), mapping);
  await calibrate(prepared, data);
  return prepared;
}

const long: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
  sensitivity: (signal) => sensitivity(fusedNet(), data, undefined, { mapping, signal }),
  tryRemedies: (signal) => tryRemedies(fusedNet(), data, batches(2, 5), { mapping, signal }),
  adaround: async (signal) => adaround(await calibrated(), data, { iterations: 100_000, signal }),
  correctBias: async (signal) => correctBias(await calibrated(), batches(50), { signal }),
  analyze: async (signal) => analyze(fusedNet(), await convert(await calibrated()), batches(50), { signal }),
};

describe.each(Object.entries(long))('%s', (_, work) => {
  test('ends with the reason of a signal that is aborted while it works', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const done = work(controller.signal);
    setTimeout(() => controller.abort(reason), 20);
    await expect(done).rejects.toBe(reason);
  });

  test('does not begin with one that is aborted', async () => {
    await expect(work(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });
});
