import type { Backend } from '@octet/backend';
import { breathe } from './interrupt';

/** The middle value; of an even number, the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
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
