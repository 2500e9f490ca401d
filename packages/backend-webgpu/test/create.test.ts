import { BackendError, dispatch } from '@octet/backend';
import { describe, expect, it } from 'vitest';
import { createWebgpuBackend, DeviceLostError } from '../src';
import { findAdapter, findGpu } from '../src/adapter';
import { noGpu } from './adapter';

const makeDevice = async () => (await findAdapter(undefined)).requestDevice();

describe.skipIf(noGpu)('createWebgpuBackend', () => {
  it('asks for what the adapter allows, and says what it found', async () => {
    const adapter = await findAdapter('high-performance');
    const backend = await createWebgpuBackend({ adapter });
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    expect(backend.info()).toMatchObject({
      adapter: expect.stringMatching(/\w/),
      software: adapter.info.isFallbackAdapter,
      dotProduct: expect.any(Boolean),
      pipelines: 0,
      buffers: 0,
      maxBufferBytes: Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4) * 4,
    });
    backend.dispose();
  });

  it('is refused a second device of one adapter', async () => {
    const adapter = await findAdapter(undefined);
    const backend = await createWebgpuBackend({ adapter });
    await expect(createWebgpuBackend({ adapter })).rejects.toThrow(BackendError);
    backend.dispose();
  });

  it('uses dot4I8Packed where WGSL has it, unless told not to', async () => {
    const { wgslLanguageFeatures } = await findGpu();
    const has = wgslLanguageFeatures.has('packed_4x8_integer_dot_product');
    for (const [dotProduct, expected] of [
      ['auto', has],
      [false, false],
    ] as const) {
      const backend = await createWebgpuBackend({ powerPreference: 'low-power', dotProduct });
      expect(backend.info().dotProduct).toBe(expected);
      backend.dispose();
    }
  });

  it('leaves a given device alive, without its own buffers', async () => {
    const device = await makeDevice();
    const backend = await createWebgpuBackend({ device });
    const y = { buffer: backend.allocate('float32', 3), dtype: 'float32', shape: [3] } as const;
    dispatch(backend, 'fill', {}, { y }, { value: 2 });
    expect(await backend.read(y.buffer, 3)).toEqual(Float32Array.of(2, 2, 2));
    backend.dispose();
    const again = await createWebgpuBackend({ device });
    const buffer = again.allocate('int8', 3);
    again.write(buffer, Int8Array.of(1, 2, 3));
    expect(await again.read(buffer, 3)).toEqual(Int8Array.of(1, 2, 3));
    again.dispose();
    device.destroy();
  });
});

describe.skipIf(noGpu)('after dispose', () => {
  it('every call throws a typed error, and waiting reads reject with it; freeing is quiet', async () => {
    const backend = await createWebgpuBackend();
    const [a, b] = [backend.allocate('float32', 3), backend.allocate('float32', 3)];
    const waiting = [backend.read(a, 3), backend.sync()];
    backend.dispose();
    const disposed = /webgpu: expected a backend that is alive, found one that was disposed/;
    for (const work of waiting) await expect(work).rejects.toThrow(disposed);
    expect(() => backend.allocate('float32', 1)).toThrow(disposed);
    expect(() => backend.write(b, new Float32Array(3))).toThrow(disposed);
    const y = { buffer: b, dtype: 'float32', shape: [3] } as const;
    expect(() => dispatch(backend, 'fill', {}, { y }, { value: 0 })).toThrow(disposed);
    await expect(backend.read(b, 3)).rejects.toThrow(disposed);
    await expect(backend.sync()).rejects.toThrow(BackendError);
    expect(() => backend.free(b)).not.toThrow();
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
    expect(backend.info()).toMatchObject({ pipelines: 0, bindGroups: 0, gpuBuffers: 0, gpuBytes: 0 });
    expect(() => backend.dispose()).not.toThrow();
  });

  it('nobody is told of a loss', async () => {
    const lost: Error[] = [];
    const backend = await createWebgpuBackend({ onLost: (error) => void lost.push(error) });
    backend.dispose();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(lost).toEqual([]);
  });
});

describe.skipIf(noGpu)('a lost device', () => {
  it('is a typed error of every call that waits or follows, and a new backend works', async () => {
    const device = await makeDevice();
    const lost: DeviceLostError[] = [];
    const backend = await createWebgpuBackend({ device, onLost: (error) => void lost.push(error) });
    const [a, b] = [backend.allocate('float32', 3), backend.allocate('float32', 3)];
    const waiting = [backend.read(a, 3), backend.sync()];
    device.destroy();
    for (const work of waiting) await expect(work).rejects.toThrow(DeviceLostError);
    expect(() => backend.allocate('float32', 1)).toThrow(DeviceLostError);
    expect(() => backend.write(b, new Float32Array(3))).toThrow(DeviceLostError);
    const y = { buffer: b, dtype: 'float32', shape: [3] } as const;
    expect(() => dispatch(backend, 'fill', {}, { y }, { value: 0 })).toThrow(DeviceLostError);
    await expect(backend.read(b, 3)).rejects.toThrow(DeviceLostError);
    await expect(backend.sync()).rejects.toThrow(/createWebgpuBackend\(\)/);
    expect(() => backend.free(b)).not.toThrow();
    backend.dispose();
    expect(lost).toHaveLength(1);
    expect(lost[0]).toBeInstanceOf(BackendError);
    expect(lost[0].name).toBe('DeviceLostError');

    const next = await createWebgpuBackend();
    const buffer = next.allocate('int32', 1);
    next.write(buffer, Int32Array.of(7));
    expect(await next.read(buffer, 1)).toEqual(Int32Array.of(7));
    next.dispose();
  });
});
