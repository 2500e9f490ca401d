import { dispatch, type StorageDType, type TypedArray } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import type { KernelCase } from '@octet/backend-testkit/cases';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WebgpuBackend } from '../src';
import type { GpuTensor } from '../src/kernel';
import { createTestBackend, noGpu } from './adapter';

describe.skipIf(noGpu)('indices', () => {
  let backend: WebgpuBackend;
  beforeAll(async () => {
    backend = await createTestBackend();
  });
  afterAll(() => backend?.dispose());

  const place = (dtype: StorageDType, shape: readonly number[], data: TypedArray): GpuTensor => {
    const buffer = backend.allocate(dtype, data.length);
    backend.write(buffer, data);
    return { buffer, dtype, shape };
  };
  const floats = (shape: readonly number[], ...values: number[]) =>
    place('float32', shape, Float32Array.from(values));
  const room = (...shape: number[]) =>
    floats(shape, ...new Array<number>(shape.reduce((n, d) => n * d, 1)).fill(7));
  const read = async ({ buffer, shape }: GpuTensor) => [
    ...(await backend.read(
      buffer,
      shape.reduce((n, d) => n * d, 1),
    )),
  ];

  test('that are no class make the loss NaN, and give no gradient', async () => {
    const target = place('int32', [5, 1], Int32Array.of(1, -1, 2, 0, -100));
    const logProbs = floats([5, 2, 1], -1, -2, -3, -4, -5, -6, -7, -8, -9, -10);
    const [y, w, gradX] = [room(5, 1), room(5, 1), room(5, 2, 1)];
    dispatch(backend, 'nllLoss', { logProbs, target }, { y, w }, { ignoreIndex: -100 });
    expect(await read(y)).toEqual([2, NaN, NaN, 7, 0]);
    const gradY = floats([5, 1], 1, 1, 1, 1, 1);
    dispatch(backend, 'nllLossBackward', { gradY, target, w }, { gradX }, { ignoreIndex: -100 });
    expect(await read(gradX)).toEqual([0, -1, 0, 0, 0, 0, -1, 0, 0, 0]);
  });

  test('that are no row of an embedding give NaN, and no gradient', async () => {
    const index = place('int32', [3], Int32Array.of(2, -1, 1));
    const weight = floats([2, 2], 1, 2, 3, 4);
    const [y, gradWeight] = [room(3, 2), room(2, 2)];
    dispatch(backend, 'embedding', { weight, index }, { y }, {});
    expect(await read(y)).toEqual([NaN, NaN, NaN, NaN, 3, 4]);
    const gradY = floats([3, 2], 1, 2, 3, 4, 5, 6);
    dispatch(backend, 'embeddingBackward', { index, gradY }, { gradWeight }, { paddingIdx: -1 });
    expect(await read(gradWeight)).toEqual([0, 0, 5, 6]);
  });

  test('that come again and again sum up in order, over wide rows too', async () => {
    const [n, width, vocabulary] = [150, 131, 4];
    const index = Int32Array.from({ length: n }, (_, i) => (i * i) % vocabulary);
    const gradY = Float32Array.from({ length: n * width }, (_, i) => Math.sin(i) * 10 ** (i % 5));
    const kernelCase: KernelCase<'embeddingBackward'> = {
      name: 'wide',
      inputs: {
        index: { dtype: 'int32', shape: [n], data: index },
        gradY: { dtype: 'float32', shape: [n, width], data: gradY },
      },
      outputs: { gradWeight: { dtype: 'float32', shape: [vocabulary, width] } },
      attrs: { paddingIdx: -1 },
      tolerance: 'exact',
    };
    await checkCase(backend, 'embeddingBackward', kernelCase);
  });
});
