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

// A list of calls is another kind of job. It lies in the wasm memory, written once, and every thread walks it by itself: it
// takes parts of its own share of a call's units, then of what others have left, waits until all of them are done, and goes on
// to the next call. So threads meet at every call, but nobody waits for a thread that isn't at work: one that comes late starts
// with the first call and finds what is done already. Shares are the same part of every call, so that a thread mostly reads what
// it wrote itself: what another one wrote lies in the cache of another core. The job's states are as above: the main thread
// closes it when everyone has walked to the end.

/** In place of a function's number: the job is a list. Its address is the only argument. */
export const listJob = -1;

/** Indices into a list's int32 head; then come its calls, each in lines of its own. */
const List = {
  /** Tells it from other lists that were at its address before. */
  id: 0,
  calls: 1,
  /** Threads asleep: only they need waking. */
  asleep: 2,
  /** How many there may be. */
  threads: 3,
  /** Addresses of what a run is given, inputs and outputs: calls take them from here. */
  given: 4,
} as const;

/** How many of them a list may have. */
export const mostGiven = 12;

/**
 * Indices into a call's int32 head; then comes a line for every thread, which begins with the first unit of its share that nobody
 * has taken, and then the arguments, or the numbers of the chain, as float64.
 */
const Call = {
  /** Units done. */
  done: 0,
  units: 1,
  chunk: 2,
  fn: 3,
  /** Numbers that follow. */
  argc: 4,
  /** And then, for each argument that is in something given, which argument, which of those and how far behind its start. */
  moved: 5,
} as const;

/** In place of a function's number: the call is a chain. */
const chainCall = -1;

/**
 * A call of a chain: several calls one after another, each of all its units, for one image after another. An image's data lie behind
 * those of the one before it, and what only the chain uses in a piece of memory of each thread's own.
 */
export interface ChainPart {
  readonly index: number;
  readonly units: number;
  /** For the first image on the first thread. */
  readonly args: readonly number[];
  /** What each image and each thread adds to the arguments. */
  readonly byImage: readonly number[];
  readonly byThread: readonly number[];
}

/** The arguments of a chain's calls for the first image on the first thread, of one call after another. */
export function chainArgs(parts: readonly ChainPart[]): number[] {
  return parts.flatMap(({ args }) => args);
}

/** A chain as a function like those of wasm, of its arguments: units are images. */
export function chainOf(
  parts: readonly ChainPart[],
  functions: (index: number) => (...args: number[]) => unknown,
): (...args: number[]) => void {
  const ready = parts.map((part) => ({
    ...part,
    run: functions(part.index),
    now: [...part.args, 0, part.units, 0],
  }));
  return (...numbers) => {
    const [begin, end, thread] = numbers.slice(-3);
    for (let image = begin; image < end; image++) {
      let at = 0;
      for (let i = 0; i < ready.length; i++) {
        const { run, byImage, byThread, now } = ready[i];
        for (let j = 0; j < byImage.length; j++)
          now[j] = numbers[at + j] + image * byImage[j] + thread * byThread[j];
        at += byImage.length;
        run(...now);
      }
    }
  };
}

const line = 64;
const lines = (bytes: number) => Math.ceil(bytes / line) * line;

/** An argument of a call that is an address in what a run is given, an input or an output: `offset` bytes behind the start. */
export interface Moved {
  readonly arg: number;
  readonly given: number;
  readonly offset: number;
}

/** A call of a wasm function that threads share. */
export interface SharedCall {
  readonly index: number;
  readonly args: readonly number[];
  readonly units: number;
  /** The least number of units taken at once. */
  readonly chunk: number;
  /** Of a chain, which has no function. */
  readonly chain?: readonly ChainPart[];
  readonly moved?: readonly Moved[];
}

/** The arguments of a call, or the numbers of its chain. */
function numbersOf({ args, chain }: Pick<SharedCall, 'args' | 'chain'>): readonly number[] {
  if (!chain) return args;
  return chain.flatMap((part) => [
    ...[part.index, part.units, part.args.length],
    ...[...part.args, ...part.byImage, ...part.byThread],
  ]);
}

/** The chain of these numbers. */
function partsOf(numbers: readonly number[]): ChainPart[] {
  const parts: ChainPart[] = [];
  for (let i = 0; i < numbers.length; ) {
    const [index, units, argc] = numbers.slice(i, i + 3);
    const take = (n: number) => numbers.slice(i + 3 + n * argc, i + 3 + (n + 1) * argc);
    parts.push({ index, units, args: take(0), byImage: take(1), byThread: take(2) });
    i += 3 + 3 * argc;
  }
  return parts;
}

/** Bytes of the numbers that follow a call's lines. */
const numberBytes = (argc: number, moved: number) => lines((argc + 3 * moved) * 8);

/** Bytes of a list of these calls, for so many threads. */
export function listBytes(
  calls: readonly Pick<SharedCall, 'args' | 'chain' | 'moved'>[],
  threads: number,
): number {
  const bytesOf = (call: (typeof calls)[number]) =>
    (1 + threads) * line + numberBytes(numbersOf(call).length, call.moved?.length ?? 0);
  return calls.reduce((sum, call) => sum + bytesOf(call), line);
}

/** Writes a list to an address, a multiple of 64. */
export function writeList(
  memory: SharedArrayBuffer,
  at: number,
  id: number,
  threads: number,
  calls: readonly SharedCall[],
): void {
  const head = new Int32Array(memory, at, line / 4);
  head[List.id] = id;
  head[List.calls] = calls.length;
  head[List.asleep] = 0;
  head[List.threads] = threads;
  let to = at + line;
  for (const shared of calls) {
    const call = new Int32Array(memory, to, line / 4);
    const numbers = numbersOf(shared);
    call[Call.units] = shared.units;
    call[Call.chunk] = shared.chunk;
    call[Call.fn] = shared.chain ? chainCall : shared.index;
    const moved = shared.moved ?? [];
    call[Call.argc] = numbers.length;
    call[Call.moved] = moved.length;
    to += (1 + threads) * line;
    const all = [...numbers, ...moved.flatMap(({ arg, given, offset }) => [arg, given, offset])];
    new Float64Array(memory, to, all.length).set(all);
    to += numberBytes(numbers.length, moved.length);
  }
}

/** A list as one thread has read it. */
export interface ReadList {
  readonly id: number;
  readonly memory: Int32Array;
  /** Indices into `memory`. */
  readonly head: number;
  readonly calls: readonly ReadCall[];
}

interface ReadCall {
  readonly run: (...args: number[]) => unknown;
  /** With room for begin, end and thread at the end. */
  readonly args: number[];
  readonly moved: readonly Moved[];
  readonly at: number;
  readonly units: number;
  readonly chunk: number;
  /** The first unit of each thread's share, and at the end the number of units. */
  readonly shares: readonly number[];
}

/** Where the count of a thread's share is. */
const countOf = ({ at }: ReadCall, thread: number) => at + (1 + thread) * (line / 4);

/** Equal parts of the units, one after another; all of them are the first thread's where they aren't worth another. */
function sharesOf(units: number, chunk: number, threads: number): number[] {
  const whole = chunk >= units;
  return Array.from({ length: threads + 1 }, (_, i) =>
    whole ? Math.min(i, 1) * units : Math.ceil((units * i) / threads),
  );
}

export function readList(
  memory: SharedArrayBuffer,
  at: number,
  functions: (index: number) => (...args: number[]) => unknown,
): ReadList {
  const ints = new Int32Array(memory);
  const head = at / 4;
  const threads = ints[head + List.threads];
  const calls: ReadCall[] = [];
  let from = at + line;
  for (let i = 0; i < ints[head + List.calls]; i++) {
    const call = from / 4;
    from += (1 + threads) * line;
    const argc = ints[call + Call.argc];
    const moved = ints[call + Call.moved];
    const all = Array.from(new Float64Array(memory, from, argc + 3 * moved));
    const numbers = all.slice(0, argc);
    from += numberBytes(argc, moved);
    const fn = ints[call + Call.fn];
    const units = ints[call + Call.units];
    const chunk = ints[call + Call.chunk];
    const chain = fn === chainCall ? partsOf(numbers) : undefined;
    calls.push({
      run: chain ? chainOf(chain, functions) : functions(fn),
      args: [...(chain ? chainArgs(chain) : numbers), 0, 0, 0],
      moved: Array.from({ length: moved }, (_, n) => {
        const [arg, given, offset] = all.slice(argc + 3 * n);
        return { arg, given, offset };
      }),
      at: call,
      ...{ units, chunk, shares: sharesOf(units, chunk, threads) },
    });
  }
  return { id: ints[head + List.id], memory: ints, head, calls };
}

/** The id of the list at an address. */
export function listId(memory: SharedArrayBuffer, at: number): number {
  return new Int32Array(memory, at, 1)[List.id];
}

/** Makes all calls of a list undone, what they are given to be at these addresses: while nobody is at it. */
export function restart({ memory, head, calls }: ReadList, given: readonly number[]): void {
  for (let i = 0; i < given.length; i++) memory[head + List.given + i] = given[i];
  for (const call of calls) {
    const { shares } = call;
    for (let thread = 0; thread < shares.length - 1; thread++) memory[countOf(call, thread)] = shares[thread];
    memory[call.at + Call.done] = 0;
  }
}

/** Puts addresses of what is given into the arguments that are in it. */
export function move(args: number[], moved: readonly Moved[], addressOf: (given: number) => number): void {
  for (const { arg, given, offset } of moved) args[arg] = addressOf(given) + offset;
}

/** How a thread waits: it watches for `spinMs`, and then sleeps, if it may. */
export interface Waiting {
  readonly spinMs: number;
  now(): number;
  pause(): void;
}

/**
 * Walks a list from its first call to the last, or until a call has failed somewhere. The failure itself is in the control
 * block.
 */
export function walk(control: Int32Array, list: ReadList, thread: number, waiting: Waiting): void {
  const { memory, head, calls } = list;
  const addressOf = (given: number) => memory[head + List.given + given] >>> 0;
  for (let i = 0; i < calls.length; i++) {
    const call = calls[i];
    if (call.moved.length > 0) move(call.args, call.moved, addressOf);
    const done = call.at + Call.done;
    try {
      const own = takeShares(control, memory, call, thread);
      if (own < 0) return;
      if (own > 0 && Atomics.add(memory, done, own) + own === call.units) {
        if (Atomics.load(memory, list.head + List.asleep) > 0) Atomics.notify(memory, done);
      }
    } catch (error) {
      fail(control, error);
      Atomics.notify(memory, done);
      throw error;
    }
    if (!allDone(control, list, done, call.units, waiting)) return;
  }
}

/**
 * Runs the thread's share of a call, and then the others', until none is left: half of what is left of a share at once, but at least a
 * chunk. So most of a share is done in one go, and at its end there are pieces that others can take.
 *
 * @returns its units; -1 if a call has failed
 */
function takeShares(control: Int32Array, memory: Int32Array, call: ReadCall, thread: number): number {
  const { run, args, chunk, shares } = call;
  const { length } = args;
  const threads = shares.length - 1;
  args[length - 1] = thread;
  let own = 0;
  for (let i = 0; i < threads; i++) {
    const owner = (thread + i) % threads;
    const count = countOf(call, owner);
    const last = shares[owner + 1];
    for (;;) {
      if (Atomics.load(control, Control.failed) !== 0) return -1;
      const begin = Atomics.load(memory, count);
      if (begin >= last) break;
      const end = Math.min(last, begin + Math.max(chunk, (last - begin) >> 1));
      if (Atomics.compareExchange(memory, count, begin, end) !== begin) continue;
      args[length - 3] = begin;
      args[length - 2] = end;
      run(...args);
      own += end - begin;
    }
  }
  return own;
}

/** Waits until `units` are done. @returns false if a call has failed */
function allDone(
  control: Int32Array,
  { memory, head }: ReadList,
  at: number,
  units: number,
  waiting: Waiting,
): boolean {
  if (Atomics.load(memory, at) === units) return true;
  const until = waiting.now() + waiting.spinMs;
  do {
    for (let i = 0; i < 64; i++) {
      if (Atomics.load(memory, at) === units) return true;
      waiting.pause();
    }
    if (Atomics.load(control, Control.failed) !== 0) return false;
  } while (waiting.now() < until);
  for (;;) {
    // The order matters: who does the last units counts them, and then looks whether anyone is asleep.
    Atomics.add(memory, head + List.asleep, 1);
    const done = Atomics.load(memory, at);
    if (done !== units && Atomics.load(control, Control.failed) === 0) Atomics.wait(memory, at, done);
    Atomics.sub(memory, head + List.asleep, 1);
    if (Atomics.load(memory, at) === units) return true;
    if (Atomics.load(control, Control.failed) !== 0) return false;
  }
}
