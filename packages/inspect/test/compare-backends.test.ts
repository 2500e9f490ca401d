import { type Backend, extendBackend } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { withoutSyncReads } from '@octet/backend-testkit';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import { expect, test } from 'vitest';
import { analyze, compareBackends } from '../src';
import { batches, fusedNet } from './models';

const [x] = batches(1);

/** Its qadd gives one more than it should. */
const wrong: Backend<HostBuffer> = extendBackend(referenceBackend, {
  name: 'wrong',
  kernels: {
    qadd(tensors, attrs) {
      (referenceBackend.kernels.qadd as (t: typeof tensors, a: typeof attrs) => void)(tensors, attrs);
      const { data } = tensors.y.buffer as unknown as { data: Uint8Array };
      for (let i = 0; i < data.length; i++) data[i] = Math.min(255, data[i] + 5);
    },
  },
});

async function int8Net() {
  const prepared = prepare(fusedNet(), getDefaultQConfigMapping('qnnpack'));
  noGrad(() => prepared.call(x));
  return convert(prepared);
}

test('names the first layer that differs', async () => {
  const int8 = await int8Net();
  const same = withoutSyncReads(referenceBackend);
  const [reference, fine, broken] = await compareBackends(int8, x, [referenceBackend, same, wrong], {
    runs: 2,
  });
  expect(reference).toMatchObject({ backend: 'js', layers: [], firstDifference: null });
  expect(reference.ms).toHaveLength(2);
  expect(fine.firstDifference).toBeNull();
  expect(fine.layers.map(({ path }) => path)).toEqual([
    'quant',
    'first.0',
    'second.0',
    'skip',
    'head.0',
    'head.1',
    'dequant',
    '',
  ]);
  expect(fine.layers.every(({ differing }) => differing === 0)).toBe(true);
  expect(broken.firstDifference).toBe('skip');
  expect(broken.layers.find(({ path }) => path === 'skip')).toMatchObject({
    dtype: 'quint8',
    maxDifference: 5,
  });
  expect(broken.layers.find(({ path }) => path === 'second.0')?.differing).toBe(0);
});

test('float layers differ only beyond the tolerance', async () => {
  const near = extendBackend(referenceBackend, {
    name: 'near',
    kernels: {
      add(tensors, attrs) {
        (referenceBackend.kernels.add as (t: typeof tensors, a: typeof attrs) => void)(tensors, attrs);
        const { data } = tensors.y.buffer as unknown as { data: Float32Array };
        for (let i = 0; i < data.length; i++) data[i] *= 1 + 1e-5;
      },
    },
  });
  const compare = async (tolerance?: number) =>
    (
      await compareBackends(fusedNet(), x, [referenceBackend, near], {
        runs: 1,
        ...(tolerance && { tolerance }),
      })
    )[1];
  expect((await compare()).firstDifference).toBeNull();
  expect((await compare(1e-7)).firstDifference).toBe('skip');
});

test('analyze names a kernel that computes something else', async () => {
  const int8 = (await int8Net()).to(wrong);
  const { findings } = await analyze(fusedNet().to(wrong), int8, [x.to(wrong)]);
  expect(findings[0]).toMatchObject({ cause: 'kernel', layer: 'skip' });
});

test('refuses no backends', async () => {
  await expect(compareBackends(fusedNet(), x, [])).rejects.toThrow(/expected backends, found none/);
});
