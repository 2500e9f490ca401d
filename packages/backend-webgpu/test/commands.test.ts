import { BackendError, dispatch, type StorageDType } from '@octet/backend';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebgpuBackend, type WebgpuBackend } from '../src';
import { findAdapter } from '../src/adapter';
import { Gpu } from '../src/gpu';
import { program } from '../src/program';
import { createTestBackend, noGpu } from './adapter';

describe.skipIf(noGpu)('commands', () => {
  let backend: WebgpuBackend;
  beforeAll(async () => {
    backend = await createTestBackend();
  });
  afterAll(() => backend?.dispose());

  const tensor = (dtype: StorageDType, n: number) => ({
    buffer: backend.allocate(dtype, n),
    dtype,
    shape: [n],
  });

  it('keep the order of writes, dispatches and reads', async () => {
    const x = tensor('float32', 5);
    const y = tensor('float32', 5);
    const seen: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) {
      backend.write(x.buffer, new Float32Array(5).fill(i));
      dispatch(backend, 'affine', { x }, { y }, { scale: 2, shift: 1 });
      backend.write(x.buffer, new Float32Array(5).fill(-1));
      if (i % 7 === 0) seen.push(backend.read(y.buffer, 1).then((data) => expect(data[0]).toBe(2 * i + 1)));
    }
    await Promise.all(seen);
    expect(await backend.read(x.buffer, 5)).toEqual(new Float32Array(5).fill(-1));
  });

  it('may reuse a freed buffer at once', async () => {
    const kept = tensor('float32', 1000);
    for (let i = 0; i < 50; i++) {
      const x = tensor('float32', 1000);
      dispatch(backend, 'fill', {}, { y: x }, { value: i });
      if (i === 20) dispatch(backend, 'affine', { x }, { y: kept }, { scale: 1, shift: 0 });
      backend.free(x.buffer);
    }
    expect((await backend.read(kept.buffer, 1000)).every((v) => v === 20)).toBe(true);
  });

  it('fold past 65,535 workgroups', async () => {
    const n = 65_535 * 64 + 67;
    const x = tensor('int32', n);
    dispatch(backend, 'fill', {}, { y: x }, { value: 3 });
    const ends = tensor('int32', 2);
    const attrs = { shape: [2], xStrides: [n - 1], xOffset: 0, yStrides: [1], yOffset: 0 };
    dispatch(backend, 'copyStrided', { x }, { y: ends }, attrs);
    expect(await backend.read(ends.buffer, 2)).toEqual(Int32Array.of(3, 3));
    backend.free(x.buffer);
  });

  it('copy along more axes than one dispatch has', async () => {
    const shape = [2, 3, 2, 3, 2, 3, 2, 3];
    const n = shape.reduce((a, b) => a * b);
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    const xStrides = [...strides].reverse();
    const reversed = [...shape].reverse();
    const yStrides = reversed.map((_, i) => reversed.slice(i + 1).reduce((a, b) => a * b, 1));
    for (const dtype of ['float32', 'uint8'] as const) {
      const [x, y] = [tensor(dtype, n), tensor(dtype, n)];
      const data = (dtype === 'uint8' ? new Uint8Array(n) : new Float32Array(n)).map((_, i) => i % 251);
      backend.write(x.buffer, data);
      const attrs = { shape: reversed, xStrides, xOffset: 0, yStrides, yOffset: 0 };
      dispatch(backend, 'copyStrided', { x }, { y }, attrs);
      const found = await backend.read(y.buffer, n);
      const expected = Array.from({ length: n }, (_, i) => {
        const index = reversed.map((length, axis) => Math.floor(i / yStrides[axis]) % length);
        return data[index.reduce((at, step, axis) => at + step * xStrides[axis], 0)];
      });
      expect(Array.from(found)).toEqual(expected);
    }
  });

  it('sum rows that are too long for one workgroup', async () => {
    for (const [n, inner] of [
      [100_003, 1],
      [3000, 67],
    ]) {
      const x = { ...tensor('float32', 2 * n * inner), shape: [2, n, inner] };
      const y = { ...tensor('float32', 2 * inner), shape: [2, inner] };
      dispatch(backend, 'fill', {}, { y: { ...x, shape: [2 * n * inner] } }, { value: 0.5 });
      dispatch(backend, 'sum', { x }, { y }, {});
      expect(new Set(await backend.read(y.buffer, 2 * inner))).toEqual(new Set([n / 2]));
    }
  });

  it('refuse buffers over the limits, freed ones and those of another backend', async () => {
    const { maxBufferBytes } = backend.info() as { maxBufferBytes: number };
    expect(() => backend.allocate('float32', maxBufferBytes / 4 + 1)).toThrow(
      /maxBufferSize \d+, maxStorageBufferBindingSize \d+/,
    );
    expect(() => backend.allocate('float32', -1)).toThrow(/whole number/);
    expect(() => backend.write(backend.allocate('int8', 3), new Uint8Array(3))).toThrow(/Int8Array/);
    expect(() => backend.write(backend.allocate('int8', 3), new Int8Array(4))).toThrow(/0 to 3/);
    const y = tensor('float32', 3);
    const other = await createTestBackend();
    expect(() => dispatch(other, 'fill', {}, { y }, { value: 1 })).toThrow(/fill \(y\): .* another webgpu/);
    other.dispose();
    backend.free(y.buffer);
    expect(() => dispatch(backend, 'fill', {}, { y }, { value: 1 })).toThrow(/fill \(y\): .* was freed/);
    await backend.sync();
  });
});

const wrong = program({
  name: 'wrong',
  inputs: {},
  outputs: { y: 'f32' },
  uniforms: {},
  workgroup: [1],
  main: 'y[index] = nothing;',
});

describe.skipIf(noGpu)('what the GPU finds wrong', () => {
  const options = { dotProduct: false, maxIdleBytes: 0, ownsDevice: true };

  it('is told at once, and thrown by the next read or sync alone', async () => {
    const told: BackendError[] = [];
    const device = await (await findAdapter(undefined)).requestDevice();
    const gpu = new Gpu(device, { ...options, onError: (error) => void told.push(error) });
    const y = gpu.allocate('float32', 1);
    gpu.run(wrong, { y }, {}, 1);
    await expect(gpu.read(y, 1)).rejects.toThrow(/the program wrong to be valid, .* 'nothing'/s);
    expect(told[0]).toBeInstanceOf(BackendError);
    expect(told[0].message).toMatch(/program wrong/);
    await gpu.sync();
    gpu.write(y, Float32Array.of(4));
    expect(await gpu.read(y, 1)).toEqual(Float32Array.of(4));
    gpu.dispose();
  });

  it('is no memory left: a typed error with the sizes, and the backend lives on', async () => {
    const device = await (await findAdapter(undefined)).requestDevice();
    const backend = await createWebgpuBackend({ device, onError: () => {} });
    const small = backend.allocate('int32', 2);
    backend.free(backend.allocate('int32', 1000));
    backend.write(small, Int32Array.of(5, 6));
    // Dawn on a software GPU would rather take all of the machine's memory than say so itself.
    class GPUOutOfMemoryError extends Error {}
    const { popErrorScope } = device;
    device.popErrorScope = async () => {
      device.popErrorScope = popErrorScope;
      await device.popErrorScope();
      return new GPUOutOfMemoryError('no memory') as unknown as GPUError;
    };
    const large = backend.allocate('float32', 2 ** 20);
    const noRoom = /room for a buffer of 4194304 bytes, found a GPU that has none left/;
    await expect(backend.sync()).rejects.toThrow(noRoom);
    backend.free(large);
    expect(await backend.read(small, 2)).toEqual(Int32Array.of(5, 6));
    // What was kept for reuse went too.
    expect(backend.info()).toMatchObject({ buffers: 1, gpuBuffers: 1, idleBytes: 0 });
    backend.dispose();
    device.destroy();
  });
});
