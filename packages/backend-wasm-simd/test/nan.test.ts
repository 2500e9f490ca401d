import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { GRU, Linear, LSTM, type RNNBase, Sequential } from '@octet/nn';
import { quantizeDynamic } from '@octet/quantization';
import { manualSeed, noGrad, quantizePerTensor, setBackend, tensor } from '@octet/tensor';
import { afterEach, describe, expect, it } from 'vitest';
import { createWasmBackend } from '../src';

const variants = [
  { relaxedSimd: false, threads: 1 },
  { relaxedSimd: true, threads: 1 },
  { relaxedSimd: true, threads: 2, maxGrain: 1 },
];

describe.each(variants)('NaN and infinity on %o', (options) => {
  let backend: (Backend & { ready: Promise<unknown> }) | undefined;
  const start = async () => {
    backend = await createWasmBackend(options);
    await backend.ready;
    setBackend(backend);
    manualSeed(0);
  };
  afterEach(() => {
    setBackend(referenceBackend);
    backend?.dispose?.();
  });

  it.each([Number.NaN, Infinity, -Infinity])('%d in a dynamic linear shows in every output', async (v) => {
    await start();
    const model = await quantizeDynamic(new Sequential(new Linear(3, 5)));
    const y = noGrad(() =>
      model.call(
        tensor([
          [1, 2, 3],
          [1, v, 3],
        ]),
      ),
    );
    expect([...y.dataSync()]).toEqual(Array(10).fill(Number.NaN));
  });

  it.each([LSTM, GRU])('NaN in one step of a dynamic %o shows in all, which share a range', async (Layer) => {
    await start();
    const int8 = (await quantizeDynamic(new Layer(2, 3).eval())) as RNNBase<unknown>;
    const x = tensor([[[1, 2]], [[Number.NaN, 1]], [[1, 1]]]);
    const [y] = noGrad(() => int8.call(x));
    expect([...y.dataSync()]).toEqual(Array(9).fill(Number.NaN));
  });

  it('quantizing makes the smallest integer of NaN, for every dtype', async () => {
    await start();
    const x = tensor(Array.from({ length: 19 }, () => Number.NaN));
    for (const [dtype, least] of [
      ['quint8', 0],
      ['qint8', -128],
      ['qint32', -(2 ** 31)],
    ] as const) {
      expect(
        new Set(
          quantizePerTensor(x, 0.5, dtype === 'qint32' ? 0 : 7, dtype)
            .intRepr()
            .dataSync(),
        ),
      ).toEqual(new Set([least]));
    }
  });
});
