import { BackendError } from '@octet/backend';
import workerSource from './generated/worker';
import {
  argsOf,
  Control,
  cancel,
  controlBytes,
  failure,
  jobShift,
  maxArgs,
  openBit,
  takeChunks,
} from './job';
import { type PlatformWorker, platform, type WasmMemory, type WasmModule } from './platform';
import type { WorkerStart } from './worker';

/** Every thread gets about this many chunks of a job, so that a slow one doesn't hold up the others. */
const chunksPerThread = 4;

const pause = (Atomics as { pause?(): void }).pause ?? (() => {});

/** A wasm function that does the units from begin to end; the last three arguments are begin, end, thread. */
export type UnitFunction = (...args: number[]) => unknown;

/** Why there are no threads, or undefined if there may be. */
export function whyNoThreads(features: { threads: boolean }): string | undefined {
  if (!platform.SharedArrayBuffer) {
    return platform.crossOriginIsolated === false
      ? 'the page is not cross-origin isolated (headers COOP and COEP), so there is no shared memory'
      : 'there is no SharedArrayBuffer';
  }
  if (!features.threads) return 'this engine has no WebAssembly threads';
  if (!makerOfWorkers()) return 'this environment has no workers';
  return undefined;
}

/** How many threads the machine can run at once. */
export function hardwareThreads(): number {
  const os = platform.process?.getBuiltinModule?.('node:os');
  return os?.availableParallelism() ?? platform.navigator?.hardwareConcurrency ?? 1;
}

function makerOfWorkers(): (() => PlatformWorker) | undefined {
  const node = platform.process?.getBuiltinModule?.('node:worker_threads');
  const { Worker, Blob, URL } = platform;
  if (node && URL) {
    const url = new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`);
    // Without the flags of this process: loaders that it may have been started with have no business there.
    return () => new node.Worker(url, { execArgv: [] });
  }
  if (Worker && Blob && URL) {
    return () => {
      const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
      try {
        return new Worker(url);
      } finally {
        // The worker has its own hold on the source from here on... except in old engines, so wait a little.
        platform.setTimeout?.(() => URL.revokeObjectURL(url), 10_000);
      }
    };
  }
  return undefined;
}

/** Workers that share the wasm memory, and the one job that all threads may be at. */
export class ThreadPool {
  readonly #memory = new SharedArrayBuffer(controlBytes);
  readonly #control = new Int32Array(this.#memory);
  readonly #args = argsOf(this.#memory);
  readonly #workers: PlatformWorker[] = [];
  #job = 0;
  /** What kept workers from starting. */
  readonly problems: string[] = [];

  private constructor() {}

  /** Starts `count` workers and waits until each has started or failed to. */
  static async start(count: number, module: WasmModule, memory: WasmMemory): Promise<ThreadPool> {
    const pool = new ThreadPool();
    const make = makerOfWorkers() as () => PlatformWorker;
    const starting: Promise<void>[] = [];
    for (let thread = 1; thread <= count; thread++) {
      starting.push(pool.#startWorker(make, { module, memory, control: pool.#memory, thread }));
    }
    await Promise.all(starting);
    return pool;
  }

  /** Workers at hand. */
  get size(): number {
    return this.#workers.length;
  }

  /**
   * Runs the units of a job on all threads, this one included, and returns when they are done.
   *
   * @param fn the function, and `index` its place among the module's exports
   * @throws Error if a part fails on any thread.
   */
  run(fn: UnitFunction, index: number, args: readonly number[], units: number, grain: number): void {
    const control = this.#control;
    const chunk = Math.max(grain, Math.ceil(units / ((this.size + 1) * chunksPerThread)));
    this.#args.set(args);
    control[Control.fn] = index;
    control[Control.argc] = args.length;
    control[Control.units] = units;
    control[Control.chunk] = chunk;
    control[Control.failed] = 0;
    control[Control.next] = 0;
    this.#job = (this.#job + 1) & 0xffff;
    const open = (this.#job << jobShift) | openBit;
    Atomics.store(control, Control.state, open);
    if (Atomics.load(control, Control.asleep) > 0) {
      Atomics.notify(control, Control.state, Math.ceil(units / chunk) - 1);
    }
    let error: unknown;
    try {
      takeChunks(control, fn, args, 0);
    } catch (thrown) {
      error = thrown;
      cancel(control);
    }
    // Closed as soon as nobody is at it.
    while (Atomics.compareExchange(control, Control.state, open, open & ~openBit) !== open) pause();
    if (error) throw error;
    if (control[Control.failed]) throw new Error(failure(control));
  }

  dispose(): void {
    Atomics.store(this.#control, Control.stop, 1);
    Atomics.notify(this.#control, Control.state);
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
  }

  #startWorker(make: () => PlatformWorker, start: WorkerStart): Promise<void> {
    return new Promise((resolve) => {
      const problem = (what: unknown) => {
        this.problems.push(String(what));
        resolve();
      };
      try {
        const worker = make();
        const heard = (message: unknown) => {
          if (message !== 'started') return problem(message);
          this.#workers.push(worker);
          // From now on it must not keep the process alive.
          worker.unref?.();
          resolve();
        };
        if (worker.on) {
          worker.on('message', heard);
          worker.on('error', problem);
        } else {
          worker.onmessage = ({ data }) => heard(data);
          worker.onerror = (event) => {
            event.preventDefault?.();
            problem(event.message ?? 'the worker could not be loaded');
          };
        }
        worker.postMessage(start);
      } catch (error) {
        problem(error);
      }
    });
  }
}

/** @throws BackendError if a kernel's arguments aren't what its wasm function takes: wasm itself would not notice. */
export function checkArgs(name: string, fn: UnitFunction, args: readonly number[]): void {
  if (args.length + 3 === fn.length && args.length <= maxArgs) return;
  throw new BackendError({
    op: name,
    expected: `${fn.length - 3} numbers (and begin, end, thread)`,
    found: `${args.length}`,
    fix: "Give the wasm function's arguments in the order of assembly/.",
  });
}
