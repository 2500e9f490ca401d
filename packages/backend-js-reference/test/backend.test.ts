import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  ArgumentError,
  BackendError,
  composable,
  DTypeError,
  FreedError,
  profiles,
  ShapeError,
  type StorageDType,
} from '@octet/backend';
import { describe, expect, it } from 'vitest';
import { referenceBackend as backend, HostBuffer } from '../src';

describe('the reference backend', () => {
  it('has every kernel, and every profile', () => {
    const all = [...Object.values(profiles), ...Object.values(composable)].flat();
    expect(Object.keys(backend.kernels).sort()).toEqual([...new Set<string>(all)].sort());
    expect(backend.profiles).toEqual(Object.keys(profiles));
  });

  it('stores every dtype', async () => {
    for (const dtype of backend.dtypes) {
      const buffer = backend.allocate(dtype, 3);
      expect(await backend.read(buffer, 3)).toEqual(backend.readSync?.(buffer, 3));
      expect(buffer.data).toHaveLength(3);
    }
  });

  it('says what it runs on', () => {
    expect(backend.info?.()).toEqual({ language: 'javascript', threads: 1 });
  });
});

describe('errors', () => {
  it.each([-1, 1.5, Number.NaN, 2 ** 32, Infinity])('a buffer of %d elements is refused', (length) => {
    expect(() => backend.allocate('uint8', length)).toThrow(ArgumentError);
    expect(() => backend.allocate('uint8', length)).toThrow(`found ${length}`);
  });

  it('a dtype that is none is refused', () => {
    expect(() => backend.allocate('quint8' as StorageDType, 1)).toThrow(DTypeError);
  });

  it('data of another type is refused, never converted', () => {
    const buffer = backend.allocate('uint8', 4);
    expect(() => backend.write(buffer, Float32Array.of(300))).toThrow(
      'write: expected a Uint8Array for a buffer of uint8, found a Float32Array of 1 elements. Convert',
    );
  });

  it('more than the buffer holds is neither written nor read', () => {
    const buffer = backend.allocate('int32', 2);
    expect(() => backend.write(buffer, new Int32Array(3))).toThrow(ShapeError);
    expect(() => backend.readSync?.(buffer, 3)).toThrow(ShapeError);
    expect(() => backend.readSync?.(buffer, -1)).toThrow(ShapeError);
  });

  it('a freed buffer is refused everywhere', async () => {
    const buffer = backend.allocate('float32', 5);
    backend.free(buffer);
    expect(() => buffer.data).toThrow(FreedError);
    expect(() => backend.readSync?.(buffer, 1)).toThrow(FreedError);
    await expect(backend.read(buffer, 1)).rejects.toThrow(FreedError);
    expect(() => backend.write(buffer, new Float32Array(1))).toThrow(FreedError);
    expect(() => backend.free(buffer)).toThrow(
      'free: expected a buffer that is alive, found one of 5 elements of float32 that was freed. Free',
    );
  });

  it('an engine that is out of memory is reported with the sizes', () => {
    const refuse = () => {
      throw new RangeError('Array buffer allocation failed');
    };
    expect(() => new HostBuffer('float64', 1000, refuse)).toThrow(BackendError);
    expect(() => new HostBuffer('float64', 1000, refuse)).toThrow('1000 elements of float64 (8000 bytes)');
  });
});

describe('memory', () => {
  it('counts buffers until they are freed', () => {
    const before = backend.memory?.();
    const buffer = backend.allocate('int32', 100);
    const during = backend.memory?.();
    expect(during).toEqual({ buffers: (before?.buffers ?? 0) + 1, bytes: (before?.bytes ?? 0) + 400 });
    backend.free(buffer);
    expect(backend.memory?.()).toEqual(before);
  });

  it('counts out what the garbage collector takes', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const before = backend.memory?.().buffers ?? 0;
    for (let i = 0; i < 1000; i++) backend.allocate('float32', 1000);
    expect(backend.memory?.().buffers).toBeGreaterThan(before);
    for (let i = 0; i < 20 && (backend.memory?.().buffers ?? 0) > before; i++) {
      gc();
      await setTimeout(5);
    }
    expect(backend.memory?.().buffers).toBeLessThanOrEqual(before);
  });
});
