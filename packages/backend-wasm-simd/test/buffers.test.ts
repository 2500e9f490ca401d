import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BackendError, dispatch, FreedError, type KernelName, PrepackCache } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import { type KernelCase, kernelCases } from '@octet/backend-testkit/cases';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWasmBackend, type WasmBackend, type WasmBuffer } from '../src';

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;
const create = (options: Parameters<typeof createWasmBackend>[0] = {}) =>
  createWasmBackend({ threads: 1, ...options });

const dtypesOf = ({ inputs, outputs }: KernelCase) =>
  [...Object.values(inputs), ...Object.values(outputs)].map((t) => t?.dtype);

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const tensor = (buffer: WasmBuffer) => ({ buffer, dtype: buffer.dtype, shape: [buffer.length] });

function filled(backend: WasmBackend, length: number, value: number): WasmBuffer {
  const buffer = backend.allocate('float32', length);
  backend.write(buffer, new Float32Array(length).fill(value));
  return buffer;
}

/** y = a + b, by the kernel. */
function add(backend: WasmBackend, a: WasmBuffer, b: WasmBuffer, y: WasmBuffer): void {
  dispatch(backend, 'add', { a: tensor(a), b: tensor(b) }, { y: tensor(y) }, {});
}

/** Kernel calls that use these buffers and no others. */
function calls(backend: WasmBackend, count: number, buffer: WasmBuffer): void {
  for (let i = 0; i < count; i++) add(backend, buffer, buffer, buffer);
}

describe('what lay idle for 1024 kernel calls', () => {
  const size = async (idle: number) => {
    const backend = await create();
    const busy = filled(backend, 16, 1);
    const old = Array.from({ length: 14 }, (_, i) => filled(backend, 256 * kilobyte, i)).slice(0, 3);
    calls(backend, idle, busy);
    const before = backend.info().wasmMemory;
    const young = filled(backend, 512 * kilobyte, 7);
    const { wasmMemory, movedOut } = backend.info();
    const numbers = old.map((buffer) => backend.readSync(buffer, 256 * kilobyte)[5]);
    expect([...numbers, backend.readSync(young, 9)[8]]).toEqual([0, 1, 2, 7]);
    backend.dispose();
    return { grew: Number(wasmMemory) > Number(before), movedOut };
  };

  it('moves out before the memory grows', async () => {
    expect(await size(1030)).toEqual({ grew: false, movedOut: 2 });
  });

  it('stays where it was used since, and the memory grows', async () => {
    expect(await size(1000)).toEqual({ grew: true, movedOut: 0 });
  });
});

describe('past the budget', () => {
  it('buffers side by side make room for a large one, rather than that the memory grows past it', async () => {
    const backend = await create({ memoryBudget: 4 * megabyte });
    const buffers = Array.from({ length: 60 }, (_, i) => filled(backend, 16 * kilobyte, i));
    // Every other one: half of the memory is free, in pieces of 64 KiB.
    for (const [i, buffer] of buffers.entries()) if (i % 2 === 0) backend.free(buffer);
    const large = filled(backend, 256 * kilobyte, 99);
    expect(backend.info().wasmMemory).toBe(4 * megabyte);
    expect(backend.info().movedOut).toBeGreaterThan(0);
    for (const [i, buffer] of buffers.entries())
      if (i % 2 === 1) expect(backend.readSync(buffer, 16 * kilobyte)[3]).toBe(i);
    expect(backend.readSync(large, 1)[0]).toBe(99);
    backend.dispose();
  });

  it('buffers move out, the one used longest ago first, and come back when used', async () => {
    const backend = await create({ memoryBudget: 64 * kilobyte });
    const length = 4 * kilobyte; // 16 KiB
    const buffers = Array.from({ length: 12 }, (_, i) => filled(backend, length, i));
    expect(backend.info().movedOut).toBe(8);
    expect(backend.memory()).toEqual({ buffers: 12, bytes: 12 * 16 * kilobyte });
    // Reading needs no room in wasm memory.
    for (const [i, buffer] of buffers.entries()) expect(backend.readSync(buffer, length)[length - 1]).toBe(i);
    expect(backend.info()).toMatchObject({ movedOut: 8, movedIn: 0 });
    // Nor does writing.
    backend.write(buffers[0], new Float32Array(length).fill(100));
    add(backend, buffers[0], buffers[11], buffers[1]);
    expect(backend.info()).toMatchObject({ movedOut: 10, movedIn: 2 });
    expect(backend.readSync(buffers[1], length)[7]).toBe(111);
    // What the kernel used stays; the two that were oldest then have left.
    add(backend, buffers[0], buffers[11], buffers[1]);
    expect(backend.info().movedIn).toBe(2);
    for (const buffer of buffers) backend.free(buffer);
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
    backend.dispose();
  });

  it('a kernel has all its operands in wasm memory, whatever the budget', async () => {
    const backend = await create({ memoryBudget: 0 });
    const [a, b, y] = [filled(backend, 5000, 1), filled(backend, 5000, 2), filled(backend, 5000, 0)];
    for (let i = 0; i < 3; i++) {
      add(backend, a, b, y);
      add(backend, y, b, a);
    }
    expect(backend.readSync(a, 5000)).toEqual(new Float32Array(5000).fill(13));
    backend.dispose();
  });

  it('every case of every kernel gives what it gives otherwise', async () => {
    const backend = await create({ memoryBudget: 0 });
    for (const kernel of Object.keys(backend.kernels) as KernelName[]) {
      for (const kernelCase of kernelCases[kernel]() as KernelCase[]) {
        if (dtypesOf(kernelCase).includes('float64')) continue;
        await checkCase(backend, kernel, kernelCase);
      }
    }
    backend.dispose();
  });

  it('packed weights survive', async () => {
    const backend = await create({ memoryBudget: 32 * kilobyte });
    const [{ inputs, outputs, attrs }] = kernelCases.qlinear();
    const place = (t: { dtype: 'uint8' | 'int8' | 'int32'; shape: readonly number[]; data?: unknown }) => {
      const buffer = backend.allocate(
        t.dtype,
        t.shape.reduce((n, d) => n * d, 1),
      );
      if (t.data) backend.write(buffer, t.data as Uint8Array);
      return { buffer, dtype: t.dtype, shape: t.shape };
    };
    const placed = Object.fromEntries(
      Object.entries(inputs).flatMap(([name, t]) => (t ? [[name, place(t as never)]] : [])),
    );
    const y = place(outputs.y as never);
    const cache = new PrepackCache();
    const run = () => {
      dispatch(backend, 'qlinear', placed as never, { y }, attrs, cache);
      return backend.readSync(y.buffer, y.buffer.length);
    };
    const expected = run();
    for (let i = 0; i < 5; i++) {
      backend.free(filled(backend, 8 * kilobyte, i));
      const { movedIn } = backend.info();
      expect(run()).toEqual(expected);
      expect(backend.info().movedIn).toBeGreaterThan(movedIn as number);
    }
    cache.clear();
    backend.dispose();
  });

  it('any sequence of writes, sums, reads and frees gives what plain arrays give', async () => {
    const step = fc.record({
      do: fc.constantFrom('allocate', 'add', 'add', 'write', 'free'),
      length: fc.integer({ min: 1, max: 9000 }),
      picks: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 200 }),
        async (steps, budget) => {
          const backend = await create({ memoryBudget: budget * kilobyte });
          const held: { buffer: WasmBuffer; mirror: Float32Array }[] = [];
          for (const { do: what, length, picks } of steps) {
            const [a, b, y] = picks.map((n) => held[n % held.length]);
            if (what === 'allocate' || held.length === 0) {
              held.push({
                buffer: filled(backend, length, length),
                mirror: new Float32Array(length).fill(length),
              });
            } else if (what === 'write') {
              backend.write(a.buffer, a.mirror.fill(length));
            } else if (what === 'free') {
              backend.free(a.buffer);
              held.splice(held.indexOf(a), 1);
            } else if (y !== a && y !== b) {
              const n = Math.min(a.mirror.length, b.mirror.length, y.mirror.length);
              const cut = (buffer: WasmBuffer) => ({ buffer, dtype: buffer.dtype, shape: [n] });
              dispatch(backend, 'add', { a: cut(a.buffer), b: cut(b.buffer) }, { y: cut(y.buffer) }, {});
              for (let i = 0; i < n; i++) y.mirror[i] = a.mirror[i] + b.mirror[i];
            }
          }
          for (const { buffer, mirror } of held)
            expect(backend.readSync(buffer, mirror.length)).toEqual(mirror);
          backend.dispose();
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('memory', () => {
  it('of dropped buffers is reclaimed within a synchronous loop', async () => {
    const backend = await create({ memoryBudget: 16 * megabyte });
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      filled(backend, megabyte / 4, i);
      if (i % 50 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers);
    }
    // 1000 MB went through; the wasm memory itself doesn't count here.
    expect(most).toBeLessThan(400 * megabyte);
    expect(backend.info().wasmMemory).toBeLessThanOrEqual(32 * megabyte);
    backend.dispose();
  });

  it('of dropped buffers is freed at rest', async () => {
    const backend = await create();
    for (let i = 0; i < 1000; i++) filled(backend, 1000, i);
    const kept = filled(backend, 10, 1);
    for (let i = 0; i < 50 && backend.memory().buffers > 1; i++) {
      gc();
      await setTimeout(5);
    }
    expect(backend.memory()).toEqual({ buffers: 1, bytes: 40 });
    expect(backend.info()).toMatchObject({ movedOut: 0, wasmMemory: 4 * megabyte });
    backend.free(kept);
    backend.dispose();
  });

  it('is given back by dispose, though the backend is still held', async () => {
    for (const threads of [1, 2]) {
      const backend = await create({ threads });
      await backend.ready;
      const length = 50 * megabyte;
      const held = filled(backend, length, 1);
      const during = process.memoryUsage().rss;
      backend.dispose();
      const given = () => during - process.memoryUsage().rss;
      for (let i = 0; i < 100 && given() < 190 * megabyte; i++) {
        gc();
        await setTimeout(10);
      }
      expect(given()).toBeGreaterThan(190 * megabyte);
      expect(() => backend.readSync(held, 1)).toThrow(BackendError);
    }
  });

  it('does not grow in a long loop of odd shapes', async () => {
    const backend = await create();
    let seed = 1;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % n;
    };
    const held: [WasmBuffer, bytes: number][] = [];
    let bytes = 0;
    let most = 0;
    for (let i = 0; i < 50_000; i++) {
      const length = random(8) === 0 ? random(100_000) : random(2000);
      held.push([backend.allocate('float32', length), 4 * length]);
      bytes += 4 * length;
      most = Math.max(most, bytes);
      if (held.length <= 100) continue;
      const [[buffer, freed]] = held.splice(random(held.length), 1);
      backend.free(buffer);
      bytes -= freed;
    }
    // The memory grows by a quarter, and some of it is in pieces too small for what is asked.
    const { wasmMemory, movedOut } = backend.info();
    expect(wasmMemory).toBeLessThan(1.6 * most);
    expect(movedOut).toBe(0);
    backend.dispose();
  });
});

describe('out of memory', () => {
  it('is a typed error with the sizes, and the backend lives on', async () => {
    const backend = await create({ maximumMemory: 8 * megabyte });
    const a = filled(backend, megabyte / 4, 1);
    expect(() => backend.allocate('float32', 3 * megabyte)).toThrow(BackendError);
    expect(() => backend.allocate('float32', 3 * megabyte)).toThrow(
      /allocate: expected room for 12582912 bytes, a buffer of float32, found \d+ bytes of wasm memory in use, 8388608 at most/,
    );
    const b = filled(backend, megabyte, 2);
    const y = backend.allocate('float32', megabyte);
    // Three operands of 4 MB don't fit, and none may leave.
    expect(() => add(backend, b, filled(backend, megabyte, 3), y)).toThrow(BackendError);
    const c = filled(backend, megabyte / 4, 5);
    const sum = backend.allocate('float32', megabyte / 4);
    add(backend, a, c, sum);
    expect(backend.readSync(sum, 3)).toEqual(Float32Array.of(6, 6, 6));
    expect(backend.readSync(b, 1)[0]).toBe(2);
    backend.dispose();
  });

  it('moves everything else out before it gives up', async () => {
    const backend = await create({ maximumMemory: 8 * megabyte });
    const buffers = Array.from({ length: 20 }, (_, i) => filled(backend, megabyte / 4, i));
    const large = filled(backend, 1.5 * megabyte, 7);
    expect(backend.info().movedOut).toBeGreaterThanOrEqual(19);
    for (const [i, buffer] of buffers.entries()) expect(backend.readSync(buffer, 1)[0]).toBe(i);
    expect(backend.readSync(large, 1)[0]).toBe(7);
    backend.dispose();
  });
});

describe('errors', () => {
  it('a buffer of another backend is refused', async () => {
    const [one, other] = [await create(), await create()];
    const buffer = filled(one, 4, 1);
    expect(() => other.readSync(buffer, 4)).toThrow("found one of another wasm backend's");
    expect(() => other.free({} as WasmBuffer)).toThrow(BackendError);
    one.dispose();
    other.dispose();
  });

  it('a freed buffer is refused by kernels', async () => {
    const backend = await create();
    const [a, y] = [filled(backend, 4, 1), filled(backend, 4, 0)];
    backend.free(a);
    expect(() => add(backend, a, y, y)).toThrow(FreedError);
    backend.dispose();
  });

  it('a disposed backend refuses everything, but freeing is fine', async () => {
    const backend = await create({ threads: 2 });
    const buffer = filled(backend, 4, 1);
    backend.dispose();
    backend.dispose();
    expect(() => backend.readSync(buffer, 4)).toThrow('found one that was disposed');
    expect(() => backend.allocate('float32', 4)).toThrow(BackendError);
    expect(() => add(backend, buffer, buffer, buffer)).toThrow(BackendError);
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
    expect(backend.info()).toMatchObject({ wasmMemory: 0, threads: 1 });
    backend.free(buffer);
  });
});
