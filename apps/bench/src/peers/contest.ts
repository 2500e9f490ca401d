import { median } from '../timing';
import { Absent, Contender } from './contender';
import type { DType, Platform } from './engine';
import { type EngineName, engines } from './engines';
import type { PeerFiles } from './files';

export interface ContestOptions {
  engines: readonly EngineName[];
  platform: Platform;
  threads: readonly number[];
  /** How often each is timed, one after the other. */
  rounds: number;
  /** How many milliseconds each time takes at least. */
  ms: number;
  onProgress?: (done: number, total: number, note: string) => void;
}

/** A median this far above the minimum is that of a busy machine: the rounds are repeated, once. */
const noisy = 1.15;

export interface Contest {
  contenders: Contender[];
  absent: Absent[];
}

/**
 * Times every engine on one network, in both dtypes and with each number of threads.
 * @throws Interrupted, Error if Octet itself can't run it
 */
export async function contest({ jobs }: PeerFiles, options: ContestOptions): Promise<Contest> {
  const { platform, rounds, ms, onProgress } = options;
  const found: Contest = { contenders: [], absent: [] };
  const { contenders, absent } = found;
  try {
    for (const { engine, dtype, threads } of entries(options)) {
      onProgress?.(0, rounds, `loading ${engine}`);
      const job = { ...jobs[dtype], platform, threads };
      const { oneThread, lacks } = engines[engine];
      const reason = lacks?.[platform] ?? (threads > 1 ? oneThread : undefined);
      const one = reason
        ? new Absent(engine, job, reason)
        : await Contender.start(engine, job, { runs: 2, ms: 3 * ms });
      if (one instanceof Contender) contenders.push(one);
      else if (engine !== 'octet') absent.push(one);
      else throw new Error(`octet: ${one.reason}`);
    }
    const isNoisy = () => contenders.some((one) => median(one.ms) > noisy * Math.min(...one.ms));
    let total = rounds;
    for (let round = 0; round < total; round++) {
      for (const contender of contenders) await contender.time({ runs: 3, ms });
      if (round + 1 === rounds && isNoisy()) total = 2 * rounds;
      onProgress?.(round + 1, total, '');
    }
    return found;
  } finally {
    for (const contender of contenders) contender.stop();
  }
}

/** Who takes part, in which order. */
function entries(options: ContestOptions): { engine: EngineName; dtype: DType; threads: number }[] {
  return options.threads.flatMap((threads) =>
    options.engines.flatMap((engine) => engines[engine].dtypes.map((dtype) => ({ engine, dtype, threads }))),
  );
}
