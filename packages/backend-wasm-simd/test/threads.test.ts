import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { BackendError, dispatch, type KernelName } from '@octet/backend';
import { type KernelCase, kernelCases } from '@octet/backend-testkit/cases';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWasmBackend, type WasmBackend } from '../src';
import { readList, type SharedCall, writeList } from '../src/job';
import { setMemoryShared } from '../src/module';
import { platform, type WasmNamespace } from '../src/platform';
import { ThreadPool, type UnitFunction } from '../src/threads';

const source = `
// Some work, so that other threads have time to join; more than 0 for every n.
function work(n: i32): i32 {
  let x: i32 = 1;
  for (let i: i32 = 0; i < n; i++) x = (x * 1103515245 + 12345) & 0x7fffffff;
  return x | 1;
}

/** Counts each unit, and says which thread did it. */
export function count(at: usize, effort: i32, begin: i32, end: i32, thread: i32): void {
  for (let u = begin; u < end; u++) {
    if (!work(effort)) continue;
    const to = at + (<usize>u << 3);
    store<i32>(to, load<i32>(to) + 1);
    store<i32>(to, thread, 4);
  }
}

/** Traps on every thread but the main one (who = 1), on the main one (0) or beyond the memory (2). */
export function trap(who: i32, begin: i32, end: i32, thread: i32): void {
  if (!work(100000)) return;
  if (who == 2) store<i32>(0xfffffff0, 1);
  if (who == (thread ? 1 : 0)) unreachable();
}
`;

/** What this test needs of the compiler, whose own types bring globals along that clash with Node's. */
interface Compiler {
  main(
    args: string[],
    files: {
      readFile(name: string): string | null;
      writeFile(name: string, contents: Uint8Array): void;
      listFiles(): string[];
    },
  ): Promise<{ error: unknown; stderr: object }>;
}

const WebAssembly = platform.WebAssembly as WasmNamespace;
const workers = 3;
const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
const view = () => new Int32Array(memory.buffer, 65536);
let pool: ThreadPool;
const run = (name: 'count' | 'trap', args: number[], units: number, grain = 1) =>
  pool.run(functions[name], names.indexOf(name), args, units, grain);
let functions: Record<string, UnitFunction>;
let names: string[];

beforeAll(async () => {
  const { default: asc } = (await import('assemblyscript/asc' as string)) as { default: Compiler };
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      'test.ts',
      '-O',
      '--outFile',
      'test.wasm',
      '--runtime',
      'stub',
      '--use',
      'abort=',
      '--importMemory',
      '--noExportMemory',
      '--initialMemory',
      '1',
      '--maximumMemory',
      '65536',
    ],
    {
      readFile: (name) => (name === 'test.ts' ? source : null),
      writeFile: (_, contents) => {
        bytes = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || !bytes) throw new Error(`${stderr}`, { cause: error });
  setMemoryShared(bytes, true);
  const module = await WebAssembly.compile(bytes);
  names = WebAssembly.Module.exports(module).map(({ name }) => name);
  functions = new WebAssembly.Instance(module, { env: { memory } }).exports as typeof functions;
  pool = new ThreadPool(workers, module, memory);
});
afterAll(() => pool.dispose());

describe('the pool of threads', () => {
  const counted = (units: number, grain: number, effort: number) => {
    view().fill(0);
    run('count', [65536, effort], units, grain);
    const cells = view().subarray(0, 2 * (units + 1));
    expect([...cells].filter((_, i) => i % 2 === 0)).toEqual([...new Array(units).fill(1), 0]);
    return new Set([...cells.subarray(0, 2 * units)].filter((_, i) => i % 2 === 1));
  };

  it('works before its workers have started', () => {
    expect(counted(100, 1, 10)).toContain(0);
  });

  it('does every unit once, whatever the grain', async () => {
    await pool.ready;
    expect(pool.problems).toEqual([]);
    expect(pool.size).toBe(workers);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 4000 }),
        fc.nat(200),
        (units, grain, effort) => {
          counted(units, grain, effort);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('does so in thousands of small jobs one after the other', async () => {
    await pool.ready;
    view().fill(0);
    for (let i = 0; i < 20_000; i++) run('count', [65536, 0], 8);
    expect([...view().subarray(0, 16)].filter((_, i) => i % 2 === 0)).toEqual(new Array(8).fill(20_000));
  });

  it('has the help of its workers, awake or asleep', async () => {
    await pool.ready;
    for (const rest of [0, 20]) {
      const seen = new Set<number>();
      for (let i = 0; i < 100 && seen.size <= Math.min(workers, availableParallelism() - 1); i++) {
        for (const thread of counted(200, 1, 20_000)) seen.add(thread);
        if (rest) await setTimeout(rest);
      }
      expect(seen.size).toBeGreaterThan(availableParallelism() > 1 ? 1 : 0);
    }
  });

  it('reports a trap of any thread, and goes on', async () => {
    await pool.ready;
    // A thread may be too late for a job; then the others do it, and nothing traps.
    const often = (who: number) => () => {
      for (let i = 0; i < 1000; i++) run('trap', [who], 64);
    };
    expect(() => run('trap', [2], 64)).toThrow('out of bounds');
    expect(often(0)).toThrow('unreachable');
    if (availableParallelism() > 1) expect(often(1)).toThrow('RuntimeError: unreachable');
    counted(1000, 1, 10);
    run('trap', [-1], 64);
  });

  describe('lists of calls', () => {
    /** Where lists are written; calls count from 65536 on. */
    const at = 2 ** 21;
    let id = 0;
    const prepare = (calls: readonly SharedCall[]) => {
      const buffer = memory.buffer as SharedArrayBuffer;
      writeList(buffer, at, ++id, pool.threads, calls);
      return readList(buffer, at, (index) => functions[names[index]]);
    };
    const call = (name: 'count' | 'trap', args: number[], units: number, chunk: number): SharedCall => ({
      index: names.indexOf(name),
      args,
      units,
      chunk,
    });
    const counts = (units: number) => [...view().subarray(0, 2 * units)].filter((_, i) => i % 2 === 0);

    it('do every unit of every call once, run after run', async () => {
      await pool.ready;
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 400 })), {
            minLength: 1,
            maxLength: 12,
          }),
          fc.nat(100),
          (sizes, effort) => {
            view().fill(0);
            const list = prepare(sizes.map(([units, chunk]) => call('count', [65536, effort], units, chunk)));
            for (let run = 0; run < 3; run++) pool.runList(at, list);
            const expected = Array.from(
              { length: 301 },
              (_, u) => 3 * sizes.filter(([units]) => units > u).length,
            );
            expect(counts(301)).toEqual(expected);
          },
        ),
        { numRuns: 100 },
      );
    });

    it('never begin a call before the one before it is done', async () => {
      await pool.ready;
      // Every call adds 1 to each unit's count without atomic operations: two at once would lose some.
      const list = prepare(Array.from({ length: 40 }, () => call('count', [65536, 3], 16, 1)));
      view().fill(0);
      for (let run = 0; run < 500; run++) pool.runList(at, list);
      expect(counts(16)).toEqual(new Array(16).fill(40 * 500));
    });

    it('have the help of workers, awake or asleep', async () => {
      await pool.ready;
      const list = prepare([call('count', [65536, 20_000], 100, 1), call('count', [65536, 20_000], 100, 1)]);
      for (const rest of [0, 20]) {
        const seen = new Set<number>();
        for (let i = 0; i < 100 && seen.size < 2; i++) {
          pool.runList(at, list);
          for (let u = 0; u < 100; u++) seen.add(view()[2 * u + 1]);
          if (rest) await setTimeout(rest);
        }
        expect(seen.size).toBeGreaterThan(availableParallelism() > 1 ? 1 : 0);
      }
    });

    it('report a trap of any thread, and run again', async () => {
      await pool.ready;
      const trapping = (who: number) => () => {
        const list = prepare([
          call('count', [65536, 10], 64, 4),
          call('trap', [who], 64, 1),
          call('count', [65536, 10], 64, 4),
        ]);
        for (let i = 0; i < 1000; i++) pool.runList(at, list);
      };
      expect(trapping(2)).toThrow('out of bounds');
      expect(trapping(0)).toThrow('unreachable');
      if (availableParallelism() > 1) expect(trapping(1)).toThrow('RuntimeError: unreachable');
      view().fill(0);
      pool.runList(at, prepare([call('count', [65536, 10], 64, 4)]));
      expect(counts(64)).toEqual(new Array(64).fill(1));
      counted(100, 1, 10);
    });

    it('run before any worker has started, and without', async () => {
      const list = prepare([call('count', [65536, 0], 10, 1), call('count', [65536, 0], 10, 1)]);
      const broken = new ThreadPool(2, {}, memory);
      view().fill(0);
      broken.runList(at, list);
      await broken.ready;
      broken.runList(at, list);
      expect(counts(10)).toEqual(new Array(10).fill(4));
      broken.dispose();
    });
  });

  it('works without the workers that did not start', async () => {
    // They fail at once: that isn't a module.
    const broken = new ThreadPool(2, {}, memory);
    await broken.ready;
    expect(broken.size).toBe(0);
    expect(broken.problems).toHaveLength(2);
    expect(broken.problems[0]).toContain('a worker failed: ');
    broken.run(functions.count, 0, [65536, 0], 10, 1);
    broken.dispose();
  });
});

describe('results', () => {
  const made: WasmBackend[] = [];
  beforeAll(async () => {
    for (const threads of [1, 2, 4]) made.push(await createWasmBackend({ threads, maxGrain: 1 }));
    await Promise.all(made.map(({ ready }) => ready));
  });
  afterAll(() => {
    for (const backend of made) backend.dispose();
  });

  /** All outputs of a case, as bytes. */
  function outputsOf(backend: WasmBackend, kernel: KernelName, kernelCase: KernelCase): Uint8Array[] {
    const place = (given: object) =>
      Object.fromEntries(
        Object.entries(given as KernelCase['inputs'] & KernelCase['outputs']).flatMap(([name, t]) => {
          if (!t) return [];
          const length = t.shape.reduce((n: number, d: number) => n * d, 1);
          const buffer = backend.allocate(t.dtype, length);
          backend.write(buffer, 'data' in t && t.data ? t.data : backend.readSync(buffer, length).fill(0));
          return [[name, { buffer, dtype: t.dtype, shape: t.shape, length }]];
        }),
      );
    const [inputs, outputs] = [place(kernelCase.inputs), place(kernelCase.outputs)];
    dispatch(backend, kernel, inputs as never, outputs as never, kernelCase.attrs as never);
    const results = Object.values(outputs).map(({ buffer, length }) => {
      const { buffer: bytes } = backend.readSync(buffer, length);
      return new Uint8Array(bytes as ArrayBuffer);
    });
    for (const { buffer } of [...Object.values(inputs), ...Object.values(outputs)]) backend.free(buffer);
    return results;
  }

  it('are the same bits on 1, 2 and 4 threads, for every case of every kernel', () => {
    const [one, ...others] = made;
    let cases = 0;
    for (const kernel of Object.keys(one.kernels) as KernelName[]) {
      for (const kernelCase of kernelCases[kernel]() as KernelCase[]) {
        const dtypes = [...Object.values(kernelCase.inputs), ...Object.values(kernelCase.outputs)].map(
          (t) => t?.dtype,
        );
        if (dtypes.includes('float64')) continue;
        const expected = outputsOf(one, kernel, kernelCase);
        for (const other of others) {
          expect(outputsOf(other, kernel, kernelCase), `${kernel} '${kernelCase.name}'`).toEqual(expected);
        }
        cases += 1;
      }
    }
    expect(cases).toBeGreaterThan(10);
  });

  it('a trap in a kernel is a typed error', async () => {
    const [backend] = made;
    const buffer = backend.allocate('float32', 4);
    const huge = { buffer, dtype: buffer.dtype, shape: [2 ** 29] };
    expect(() => dispatch(backend, 'relu', { x: huge }, { y: huge }, {})).toThrow(BackendError);
    expect(() => dispatch(backend, 'relu', { x: huge }, { y: huge }, {})).toThrow(
      /^relu: expected the kernel to run, found RuntimeError/,
    );
  });
});
