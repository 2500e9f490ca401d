// One parallel job at a time, described in memory that all threads share. The main thread opens it, everyone takes
// chunks of its units until none is left, and the main thread closes it once nobody is at work on it any more.
//
// A worker joins only if it comes by while the job is open: the main thread never waits for one that is still asleep or
// has died, but does the work itself. Which thread does which unit varies; units don't depend on each other.

/** Indices into the control block's int32 view. */
export const Control = {
  /** Number of the job << 16 | open << 15 | workers at it. */
  state: 0,
  /** The first unit that nobody has taken. */
  next: 1,
  units: 2,
  chunk: 3,
  /** Which function, by its place among the module's exports. */
  fn: 4,
  argc: 5,
  /** 1 once a worker's part has failed; its message follows from `message` on. */
  failed: 6,
  messageLength: 7,
  /** Workers asleep: only they need waking. */
  asleep: 8,
  /** Set to end the workers. */
  stop: 9,
  /** Set while the main thread sleeps until the workers are through; then they count `left` up and wake it. */
  awaited: 10,
  left: 11,
  message: 16,
} as const;

const messageSize = 240;
/** The most numbers that a function can take before begin, end and thread. */
export const maxArgs = 64;
const argsAt = (Control.message + messageSize) * 4;
export const controlBytes = argsAt + maxArgs * 8;

/** What a worker says once it is there. */
export const started = 'started';

export const openBit = 1 << 15;
export const jobShift = 16;

/** The arguments' part of a control block. */
export function argsOf(memory: SharedArrayBuffer): Float64Array {
  return new Float64Array(memory, argsAt, maxArgs);
}

/** Runs chunks of the open job until none is left. */
export function takeChunks(
  control: Int32Array,
  run: (...args: number[]) => void,
  args: readonly number[],
  thread: number,
): void {
  const units = control[Control.units];
  const chunk = control[Control.chunk];
  for (;;) {
    const begin = Atomics.add(control, Control.next, chunk);
    if (begin >= units) return;
    run(...args, begin, Math.min(units, begin + chunk), thread);
  }
}

/** A worker's part is done. */
export function leave(control: Int32Array): void {
  Atomics.sub(control, Control.state, 1);
  if (Atomics.load(control, Control.awaited) === 0) return;
  Atomics.add(control, Control.left, 1);
  Atomics.notify(control, Control.left);
}

/** Keeps everyone from taking another chunk. */
export function cancel(control: Int32Array): void {
  Atomics.store(control, Control.next, control[Control.units]);
}

/** Leaves the message of an error for the main thread, unless another was faster. */
export function fail(control: Int32Array, error: unknown): void {
  if (Atomics.compareExchange(control, Control.failed, 0, 1) === 0) {
    const text = String(error).slice(0, messageSize);
    for (let i = 0; i < text.length; i++) control[Control.message + i] = text.charCodeAt(i);
    control[Control.messageLength] = text.length;
  }
  cancel(control);
}

/** What `fail` left. */
export function failure(control: Int32Array): string {
  const codes = control.subarray(Control.message, Control.message + control[Control.messageLength]);
  return String.fromCharCode(...codes);
}
