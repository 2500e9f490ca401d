import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromData, quantizedTensor, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { load, open, save, serializeSafetensors } from '../src';
import { bytes, fileOf } from './helpers';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'octet-formats-'));
  file = path.join(folder, 'model.safetensors');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const values = (state: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(state).map(([name, t]) => [name, [...t.dataSync()]]));

function someState() {
  return {
    w: fromData([1, 2, 3, 4], [2, 2]),
    q: quantizedTensor([1, 2], [2], 'qint8', { scheme: 'perTensor', scale: 0.5, zeroPoint: 1 }),
  };
}

/** What the file handles of this process inherit from. */
async function fileHandle() {
  const handle = await openFile(folder);
  await handle.close();
  return Object.getPrototypeOf(handle) as typeof handle;
}

describe('save', () => {
  test('writes what serializeSafetensors gives, and nothing else', async () => {
    await save(someState(), file, { metadata: { k: 'v' } });
    const expected = serializeSafetensors(someState(), { metadata: { k: 'v' } });
    expect(bytes(await readFile(file))).toEqual(expected);
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  test('makes missing folders', async () => {
    const deep = path.join(folder, 'a/b/model.safetensors');
    await save(someState(), deep);
    expect(values(await load(deep))).toEqual({ w: [1, 2, 3, 4], q: [1, 2] });
  });

  test('replaces an older file', async () => {
    await save({ old: fromData([1], [1]) }, file);
    await save(someState(), file);
    expect(Object.keys(await load(file)).sort()).toEqual(['q', 'w']);
  });

  test('saves what the tensors hold when it is called', async () => {
    const state = someState();
    const saved = save(state, file);
    state.w.fill_(9);
    await saved;
    expect(values(await load(file)).w).toEqual([1, 2, 3, 4]);
  });

  test('writes nothing if a tensor is refused', async () => {
    const gone = fromData([1], [1]);
    gone.dispose();
    await expect(save({ ...someState(), gone }, path.join(folder, 'new/m'))).rejects.toThrow(/freed/);
    expect(await readdir(folder)).toEqual([]);
  });

  test.each(['writeFile', 'sync'] as const)('leaves the older file if %s fails', async (method) => {
    await save({ old: fromData([7], [1]) }, file);
    vi.spyOn(await fileHandle(), method).mockImplementation(async () => {
      expect(await readdir(folder)).toHaveLength(2);
      throw new Error('ENOSPC: no space left on device');
    });
    await expect(save(someState(), file)).rejects.toThrow(/no space left/);
    expect(await readdir(folder)).toEqual(['model.safetensors']);
    expect(values(await load(file))).toEqual({ old: [7] });
  });

  test('leaves nothing if the disk is full halfway', async () => {
    const proto = await fileHandle();
    const { writeFile } = proto;
    const spy = vi.spyOn(proto, 'writeFile').mockImplementation(function (this: typeof proto, ...args) {
      if (spy.mock.calls.length > 1) throw new Error('ENOSPC');
      return writeFile.apply(this, args);
    });
    await expect(save(someState(), file)).rejects.toThrow(/ENOSPC/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('leaves nothing if it cannot take the place of what is there', async () => {
    await mkdir(file);
    await expect(save(someState(), file)).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  test('can be aborted before and while it writes', async () => {
    await expect(save(someState(), file, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    await save({ old: fromData([7], [1]) }, file);
    const controller = new AbortController();
    const proto = await fileHandle();
    const { writeFile } = proto;
    vi.spyOn(proto, 'writeFile').mockImplementation(function (this: typeof proto, ...args) {
      controller.abort('enough');
      return writeFile.apply(this, args);
    });
    await expect(save(someState(), file, { signal: controller.signal })).rejects.toBe('enough');
    expect(await readdir(folder)).toEqual(['model.safetensors']);
    expect(values(await load(file))).toEqual({ old: [7] });
  });

  test('may run many times at once', async () => {
    await Promise.all([1, 2, 3, 4, 5].map((n) => save({ n: fromData([n], [1]) }, file)));
    expect(await readdir(folder)).toEqual(['model.safetensors']);
    expect((await load(file)).n.shape).toEqual([1]);
  });
});

describe('load', () => {
  test('brings back what was saved', async () => {
    await save(someState(), file);
    const state = await load(file);
    expect(values(state)).toEqual({ w: [1, 2, 3, 4], q: [1, 2] });
    expect(state.w.shape).toEqual([2, 2]);
    expect(state.q.qparams).toEqual({ scheme: 'perTensor', scale: 0.5, zeroPoint: 1 });
  });

  test('reads small tensors together, and large ones whole', async () => {
    const counting = (length: number, from: number) => Uint8Array.from({ length }, (_, i) => i + from);
    const lengths = [3, 700_000, 500_001, 2_500_000, 1];
    const tensors = lengths.map((length, i) => [`t${i}`, fromData(counting(length, i), [length])]);
    await save(Object.fromEntries(tensors), file);
    const read = vi.spyOn(await fileHandle(), 'read');
    const state = await load(file);
    expect(read.mock.calls.length).toBeLessThan(7);
    lengths.forEach((length, i) => {
      expect(Buffer.compare(state[`t${i}`].dataSync() as Uint8Array, counting(length, i))).toBe(0);
    });
  });

  test('names the file it refuses', async () => {
    await writeFile(file, fileOf({ a: { dtype: 'U8', shape: [-1], data_offsets: [0, 1] } }, [1]));
    await expect(load(file)).rejects.toMatchObject({ name: 'FormatError', file, field: '"a".shape' });
    await writeFile(file, 'tiny');
    await expect(load(file)).rejects.toMatchObject({ name: 'FormatError', file, field: 'header length' });
    await writeFile(file, '');
    await expect(load(file)).rejects.toMatchObject({ name: 'FormatError', file, field: 'header length' });
  });

  test('closes the file, whatever happens', async () => {
    const stat = vi.spyOn(await fileHandle(), 'stat');
    await save(someState(), file);
    await load(file);
    await writeFile(file, 'tiny');
    await expect(load(file)).rejects.toThrow();
    // A closed handle has no descriptor.
    expect(stat.mock.contexts.map((handle) => (handle as FileHandle).fd)).toEqual([-1, -1]);
  });

  test('passes on the errors of the file system', async () => {
    await expect(load(file)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(load(folder)).rejects.toThrow();
  });
});

describe('open', () => {
  test('reads only the header, then only the tensors that are asked for', async () => {
    await save({ ...someState(), big: fromData(new Float32Array(100_000), [100_000]) }, file, {
      metadata: { k: 'v' },
    });
    const read = vi.spyOn(await fileHandle(), 'read');
    const bytesRead = async () => {
      const results = await Promise.all(
        read.mock.results.map(({ value }) => value as Promise<{ bytesRead: number }>),
      );
      return results.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    };
    const opened = await open(file);
    expect(await bytesRead()).toBeLessThan(600);
    expect(opened.names().sort()).toEqual(['big', 'q', 'w']);
    expect(opened.metadata).toEqual({ k: 'v' });
    expect(opened.info('big').shape).toEqual([100_000]);

    const before = await bytesRead();
    expect([...(await opened.tensor('w')).dataSync()]).toEqual([1, 2, 3, 4]);
    expect((await bytesRead()) - before).toBe(16);
    expect((await opened.tensor('q')).dtype).toBe('qint8');
    await expect(opened.tensor('v')).rejects.toThrow(/name of a tensor/);
    await opened.close();
    await expect(opened.tensor('w')).rejects.toThrow();
  });

  test('reads several tensors at once', async () => {
    await save(someState(), file);
    const opened = await open(file);
    const [w, q] = await Promise.all([opened.tensor('w'), opened.tensor('q')]);
    expect([...w.dataSync(), ...q.dataSync()]).toEqual([1, 2, 3, 4, 1, 2]);
    await opened.close();
  });

  test('refuses a file that became shorter', async () => {
    await save(someState(), file);
    const opened = await open(file);
    await truncate(file, (await readFile(file)).length - 4);
    await expect(opened.toStateDict()).rejects.toMatchObject({ name: 'FormatError', file, field: 'data' });
    await opened.close();
  });
});
