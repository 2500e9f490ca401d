// What a worker runs. Bundled to text by scripts/build-wasm.mjs, so that no bundler has to find a file.
import {
  argsOf,
  Control,
  fail,
  jobShift,
  leave,
  listId,
  listJob,
  openBit,
  type ReadList,
  readList,
  started,
  takeChunks,
  walk,
} from './job';
import type { WasmMemory, WasmModule, WasmNamespace } from './platform';

/** What the main thread sends first, and only. */
export interface WorkerStart {
  module: WasmModule;
  memory: WasmMemory;
  control: SharedArrayBuffer;
  /** From 1; 0 is the main thread. */
  thread: number;
}

interface WorkerGlobal {
  WebAssembly: WasmNamespace;
  performance: { now(): number };
  postMessage?(message: unknown): void;
  onmessage?: (event: { data: WorkerStart }) => void;
  process?: { versions?: { node?: string } };
}

interface Port {
  once(event: 'message', listener: (message: WorkerStart) => void): void;
  postMessage(message: unknown): void;
}

const global = globalThis as unknown as WorkerGlobal;
const { WebAssembly } = global;
const pause = (Atomics as { pause?(): void }).pause ?? (() => {});

/**
 * How long an idle worker watches for work before it sleeps: about the gap between two kernels of a network. Not longer: the
 * core that it keeps busy may be the one that the main thread needs.
 */
const spinMs = 0.1;

/** How many lists of calls a worker remembers. */
const mostLists = 16;

function serve(
  { module, memory, control: shared, thread }: WorkerStart,
  post: (message: unknown) => void,
): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const functions = WebAssembly.Module.exports(module).map(({ name }) => exports[name]);
  const control = new Int32Array(shared);
  const args = argsOf(shared);
  let done = 0;

  /** Whether there is something new to do in this state. */
  const news = (state: number) => (state & openBit) !== 0 && state >>> jobShift !== done;

  const waitForNews = (): number => {
    const until = global.performance.now() + spinMs;
    do {
      for (let i = 0; i < 64; i++) {
        const state = Atomics.load(control, Control.state);
        if (news(state)) return state;
        pause();
      }
    } while (global.performance.now() < until);
    // The order matters: the main thread changes the state, and then looks whether anyone is asleep.
    Atomics.add(control, Control.asleep, 1);
    const state = Atomics.load(control, Control.state);
    if (!news(state) && Atomics.load(control, Control.stop) === 0)
      Atomics.wait(control, Control.state, state);
    Atomics.sub(control, Control.asleep, 1);
    return Atomics.load(control, Control.state);
  };

  /** Lists that were read, by address; the one used last comes last. */
  const lists = new Map<number, ReadList>();
  const listAt = (at: number): ReadList | undefined => {
    const buffer = memory.buffer as SharedArrayBuffer;
    let list = lists.get(at);
    lists.delete(at);
    try {
      if (list?.id !== listId(buffer, at)) list = readList(buffer, at, (index) => functions[index]);
    } catch {
      // The memory has grown, and this thread hasn't heard of it yet: the others do this run.
      return undefined;
    }
    lists.set(at, list);
    if (lists.size > mostLists) lists.delete(lists.keys().next().value as number);
    return list;
  };
  const waiting = { spinMs, now: () => global.performance.now(), pause };

  post(started);
  while (Atomics.load(control, Control.stop) === 0) {
    const state = waitForNews();
    if (!news(state)) continue;
    if (Atomics.compareExchange(control, Control.state, state, state + 1) !== state) continue;
    done = state >>> jobShift;
    try {
      const fn = control[Control.fn];
      const list = fn === listJob ? listAt(args[0]) : undefined;
      if (list) walk(control, list, thread, waiting);
      else if (fn !== listJob)
        takeChunks(control, functions[fn], Array.from(args.subarray(0, control[Control.argc])), thread);
    } catch (error) {
      fail(control, error);
    }
    leave(control);
  }
}

function start(message: WorkerStart, post: (message: unknown) => void): void {
  try {
    serve(message, post);
  } catch (error) {
    post(String(error));
  }
}

if (global.process?.versions?.node) {
  // Computed, so that no bundler looks for Node's module on the web.
  const id = 'node:worker_threads';
  import(id).then(({ parentPort }: { parentPort: Port }) =>
    parentPort.once('message', (message) => start(message, (m) => parentPort.postMessage(m))),
  );
} else {
  global.onmessage = ({ data }) => start(data, (m) => global.postMessage?.(m));
}
