import type { Backend } from '@octet/backend';
import { breathe } from '@octet/cli/interrupt';

/** The middle value; of an even number, the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The quartiles (of the values, none between two): half of the values lie between them. */
export function middleHalf(values: readonly number[]): [low: number, high: number] {
  const sorted = [...values].sort((a, b) => a - b);
  const last = sorted.length - 1;
  return [sorted[Math.floor(last / 4)], sorted[Math.ceil((3 * last) / 4)]];
}

export interface TimeOptions {
  runs: number;
  backend: Backend;
  /** Runs before those that count: compilers warm up, weights are packed. */
  warmup?: number;
  onRun?: (done: number) => void;
  /** What can end it between two runs, other than Ctrl-C. */
  signal?: AbortSignal | undefined;
}

/** The milliseconds of each run of `fn`. */
export async function timeRuns(
  fn: () => unknown,
  { runs, backend, warmup = 1, onRun, signal }: TimeOptions,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = -warmup; i < runs; i++) {
    await breathe(signal);
    const start = performance.now();
    fn();
    await backend.sync?.();
    if (i < 0) continue;
    times.push(performance.now() - start);
    onRun?.(times.length);
  }
  return times;
}

/**
 * As `timeRuns`, of several functions in turn, so that other load on the machine affects all of them equally.
 * @returns the milliseconds of the runs of each
 */
export async function timeInTurn(
  fns: readonly (() => unknown)[],
  { runs, warmup = 1, onRun, ...options }: TimeOptions,
): Promise<number[][]> {
  const times = fns.map((): number[] => []);
  for (let run = -warmup; run < runs; run++) {
    for (const [i, fn] of fns.entries()) {
      const [ms] = await timeRuns(fn, { ...options, runs: 1, warmup: 0 });
      if (run >= 0) times[i].push(ms);
    }
    if (run >= 0) onRun?.(run + 1);
  }
  return times;
}

/**
 * Calls functions in turn for `ms` milliseconds, each at least twice: engines compile what has run often, and until then a pass of many
 * small kernels is measured by its JavaScript, which is interpreted.
 */
export async function warmUp(
  fns: readonly (() => unknown)[],
  { backend, signal, ms = 1000 }: Pick<TimeOptions, 'backend' | 'signal'> & { ms?: number },
): Promise<void> {
  const end = performance.now() + ms;
  for (let round = 0; round < 2 || performance.now() < end; round++) {
    for (const fn of fns) await timeRuns(fn, { runs: 1, warmup: 0, backend, signal });
  }
}

/** How long the calls of one run take at least, so that the wait for the queue counts for little. In milliseconds. */
const minMs = 20;

/** As `timeRuns`. Of a backend that only takes work into a queue, each run is several calls; its time is divided by them. */
export async function timeCalls(fn: () => void, options: TimeOptions): Promise<number[]> {
  let calls = 1;
  const repeated = () => {
    for (let i = 0; i < calls; i++) fn();
  };
  const once = { runs: 1, backend: options.backend, signal: options.signal };
  if (options.backend.sync) {
    while (calls < 1024 && (await timeRuns(repeated, once))[0] < minMs) calls *= 2;
  }
  const times = await timeRuns(repeated, options);
  return times.map((time) => time / calls);
}
