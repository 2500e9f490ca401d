import { Absent, Contender } from './contender';
import type { DType, Engine, Platform } from './engine';
import { type EngineName, engines as known } from './engines';
import type { PeerFiles } from './files';
import type { Place } from './place';

export interface ContestOptions {
  engines: readonly EngineName[];
  place: Place;
  platform: Platform;
  threads: readonly number[];
  /** How many rounds of each count, in which all are timed one after the other. */
  rounds: number;
  /** How many milliseconds each time takes at least. */
  ms: number;
  onProgress?: (done: number, total: number, note: string) => void;
}

const engines: Readonly<Record<EngineName, Engine>> = known;

/** Noisy rounds are repeated, until an engine has had this many times the rounds that count. */
const mostTimes = 3;

export interface Contest {
  contenders: Contender[];
  absent: Absent[];
}

/**
 * Times every engine on one network, in both dtypes and with each number of threads.
 * @throws Interrupted, Error if Octet itself can't run it
 */
export async function contest({ jobs }: PeerFiles, options: ContestOptions): Promise<Contest> {
  const { platform, place, rounds, ms, onProgress } = options;
  const found: Contest = { contenders: [], absent: [] };
  const { contenders, absent } = found;
  const most = mostTimes * rounds;
  // A page compiles the large modules of some engines again, better, while they run.
  const warmup = platform === 'browser' ? { runs: 5, ms: 20 * ms } : { runs: 2, ms: 3 * ms };
  try {
    for (const { engine, dtype, threads } of entries(options)) {
      onProgress?.(0, most, `loading ${engine}`);
      const job = { ...jobs[dtype], platform, threads };
      const { oneThread, lacks } = engines[engine];
      const reason = lacks?.[platform] ?? (threads > 1 ? oneThread?.[platform] : undefined);
      const one = reason
        ? new Absent(engine, job, reason)
        : await Contender.start(place, engine, job, warmup);
      if (one instanceof Contender) contenders.push(one);
      else if (engine !== 'octet') absent.push(one);
      else throw new Error(`octet: ${one.reason}`);
    }
    for (let round = 0; round < most; round++) {
      const wanting = contenders.filter((one) => one.rounds.quiet < rounds);
      if (wanting.length === 0) break;
      for (const contender of wanting) await contender.time({ runs: 3, ms });
      onProgress?.(round + 1, most, wanting.length < contenders.length ? `repeating ${wanting.length}` : '');
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
