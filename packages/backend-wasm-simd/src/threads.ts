import { BackendError, builtinModule } from '@octet/backend';
import workerSource from './generated/worker';
import {
  argsOf,
  Control,
  cancel,
  controlBytes,
  failure,
  jobShift,
  listJob,
  maxArgs,
  openBit,
  type ReadList,
  restart,
  started,
  takeChunks,
  type Waiting,
  walk,
} from './job';
import { type PlatformWorker, platform, type WasmMemory, type WasmModule } from './platform';
import type { WorkerStart } from './worker';

/**
 * Every thread gets about this many chunks of a job, so that one that is slow, or whose core has other things to do,
 * doesn't hold up the others for long.
 */
const chunksPerThread = 16;

/** In a list nobody has to be woken: this part of a grain is worth a thread. */
const grainInLists = 4;

/** How long the main thread watches for the last worker before it sleeps: its core may be the one that worker needs. */
const spinMs = 0.1;

const pause = (Atomics as { pause?(): void }).pause ?? (() => {});

/** Whether this thread may sleep: a page's main thread may not. */
function maySleep(control: Int32Array): boolean {
  try {
    return Atomics.wait(control, Control.left, -1) === 'not-equal';
  } catch {
    return false;
  }
}

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
  const os = builtinModule<{ availableParallelism(): number }>('node:os');
  return os?.availableParallelism() ?? platform.navigator?.hardwareConcurrency ?? 1;
}

interface NodeWorkerThreads {
  Worker: new (url: object, options: { execArgv: string[] }) => PlatformWorker;
}

/** What makes a worker here. Its source is text, so that no bundler has to find a file. */
function makerOfWorkers(): (() => PlatformWorker) | undefined {
  const node = builtinModule<NodeWorkerThreads>('node:worker_threads');
  if (node) {
    const { URL } = platform as Required<typeof platform>;
    const url = new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`);
    // Without this process's own flags: loaders that they name have no business there.
    return () => new node.Worker(url, { execArgv: [] });
  }
  const { Worker, Blob, URL } = platform;
  if (!Worker || !Blob || !URL) return undefined;
  return () => new Worker(URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' })));
}

/**
 * Workers that share the wasm memory, and the one job that all threads may be at. Workers start on their own time: until
 * one has, the others do its share.
 */
export class ThreadPool {
  readonly #memory = new SharedArrayBuffer(controlBytes);
  readonly #control = new Int32Array(this.#memory);
  readonly #args = argsOf(this.#memory);
  readonly #spinMs = maySleep(this.#control) ? spinMs : Number.POSITIVE_INFINITY;
  readonly #workers = new Set<PlatformWorker>();
  #jobs = 0;
  readonly #waiting: Waiting = { spinMs: this.#spinMs, now: () => platform.performance.now(), pause };
  /** Workers that have not said that they are there, each with what ends the wait for it. */
  readonly #starting = new Map<PlatformWorker, () => void>();
  readonly #ready: Promise<void>;
  /** What kept workers from starting, or ended them. */
  readonly problems: string[] = [];

  /** The main thread, and the workers that there were at first. */
  readonly threads: number;

  /** Starts `count` workers, which compute with this module in this memory. */
  constructor(count: number, module: WasmModule, memory: WasmMemory) {
    this.threads = count + 1;
    const make = makerOfWorkers() as () => PlatformWorker;
    const starting: Promise<void>[] = [];
    for (let thread = 1; thread <= count; thread++) {
      starting.push(this.#start(make, { module, memory, control: this.#memory, thread }));
    }
    this.#ready = Promise.all(starting).then(() => {});
  }

  /** Resolves when every worker has started or failed to. */
  get ready(): Promise<void> {
    // Someone waits: until then the workers do keep the process alive.
    for (const worker of this.#starting.keys()) worker.ref?.();
    return this.#ready;
  }

  /** Workers at hand or starting. */
  get size(): number {
    return this.#workers.size;
  }

  /**
   * Runs the units of a job on all threads, this one included, and returns when they are done.
   *
   * @param fn the function, and `index` its place among the module's exports
   * @throws Error if a part fails on any thread.
   */
  run(fn: UnitFunction, index: number, args: readonly number[], units: number, grain: number): void {
    const chunk = Math.max(grain, Math.ceil(units / ((this.size + 1) * chunksPerThread)));
    this.#args.set(args);
    const control = this.#control;
    control[Control.units] = units;
    control[Control.chunk] = chunk;
    control[Control.next] = 0;
    this.#job(index, args.length, Math.ceil(units / chunk) - 1, () => takeChunks(control, fn, args, 0));
  }

  /** How many units of a list's call a thread takes at least: all of them if that isn't worth more than one thread. */
  chunkOf(units: number, grain: number): number {
    const least = Math.max(1, Math.ceil(grain / grainInLists));
    return units <= least ? units : Math.max(least, Math.ceil(units / ((this.size + 1) * chunksPerThread)));
  }

  /**
   * Runs a list of calls, which lies at `at` in the wasm memory, on all threads, what it is given at these addresses, and returns when all
   * are done.
   *
   * @throws Error if a part fails on any thread.
   */
  runList(at: number, list: ReadList, given: readonly number[] = []): void {
    restart(list, given);
    this.#args[0] = at;
    this.#job(listJob, 1, this.size, () => walk(this.#control, list, 0, this.#waiting));
  }

  /** Opens a job, does this thread's part of it, and closes it. At most `wake` workers are woken. */
  #job(fn: number, argc: number, wake: number, part: () => void): void {
    const control = this.#control;
    control[Control.fn] = fn;
    control[Control.argc] = argc;
    control[Control.failed] = 0;
    this.#jobs = (this.#jobs + 1) & 0xffff;
    const open = (this.#jobs << jobShift) | openBit;
    Atomics.store(control, Control.state, open);
    if (Atomics.load(control, Control.asleep) > 0) {
      Atomics.notify(control, Control.state, wake);
    }
    let error: unknown;
    try {
      part();
    } catch (thrown) {
      error = thrown;
      cancel(control);
    }
    this.#close(open);
    if (error) throw error;
    if (control[Control.failed]) throw new Error(failure(control));
  }

  /** Closes the job as soon as nobody is at it any more. */
  #close(open: number): void {
    const control = this.#control;
    const isClosed = () => Atomics.compareExchange(control, Control.state, open, open & ~openBit) === open;
    const until = platform.performance.now() + this.#spinMs;
    do {
      for (let i = 0; i < 64; i++, pause()) if (isClosed()) return;
    } while (platform.performance.now() < until);
    Atomics.store(control, Control.awaited, 1);
    for (;;) {
      // The order matters: workers change the state, and then look whether anyone waits.
      const left = Atomics.load(control, Control.left);
      if (isClosed()) break;
      Atomics.wait(control, Control.left, left);
    }
    Atomics.store(control, Control.awaited, 0);
  }

  dispose(): void {
    Atomics.store(this.#control, Control.stop, 1);
    Atomics.notify(this.#control, Control.state);
    for (const worker of this.#workers) worker.terminate();
    this.#workers.clear();
    // On the web an ended worker says nothing.
    for (const settle of this.#starting.values()) settle();
  }

  #start(make: () => PlatformWorker, start: WorkerStart): Promise<void> {
    return new Promise((resolve) => {
      let worker: PlatformWorker | undefined;
      const settle = () => {
        if (worker) {
          this.#starting.delete(worker);
          worker.unref?.();
        }
        resolve();
      };
      const lost = (why: unknown) => {
        // One that dispose ended is in the set no more.
        if (!worker || this.#workers.delete(worker)) this.problems.push(`a worker failed: ${why}`);
        settle();
      };
      const heard = (message: unknown) => (message === started ? settle() : lost(message));
      try {
        worker = make();
        this.#workers.add(worker);
        this.#starting.set(worker, settle);
        if (worker.on) {
          worker.on('message', heard);
          worker.on('error', lost);
          worker.on('exit', (code) => lost(`it exited with code ${code}`));
          // It doesn't keep the process alive.
          worker.unref?.();
        } else {
          worker.onmessage = ({ data }) => heard(data);
          worker.onerror = (event) => {
            event.preventDefault?.();
            lost(event.message ?? 'it could not be loaded');
          };
        }
        worker.postMessage(start);
      } catch (error) {
        lost(error);
      }
    });
  }
}

/** @throws BackendError if the wasm's function takes another number of arguments: wasm itself would not notice. */
export function checkArgs(name: string, fn: UnitFunction, args: readonly number[]): void {
  if (args.length + 3 === fn.length && args.length <= maxArgs) return;
  throw new BackendError({
    op: name,
    expected: `${fn.length - 3} numbers (and begin, end, thread)`,
    found: `${args.length}`,
    fix: "Give wasmUrl or wasmModule the package's own file, of the same version as its JavaScript.",
  });
}
