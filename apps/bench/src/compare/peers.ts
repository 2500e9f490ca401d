import { breathe } from '@octet/cli/interrupt';
import type { AnyModule } from '@octet/nn';
import { correlation } from '../peers/correlation';
import type { DType } from '../peers/engine';
import type { Step } from './compare';
import type { PeerTimes } from './report';
import { timeOf } from './time';

/** Numbers of an input, row-major. */
export interface InputNumbers {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** What other engines run: a network in both forms. */
export interface Subject {
  readonly networks: Readonly<Record<DType, AnyModule>>;
  /** The same as ONNX files. */
  readonly onnx: Readonly<Record<DType, Uint8Array>>;
  readonly inputs: readonly InputNumbers[];
}

/** An engine with a network in it, and its input. */
export interface PeerSession {
  readonly version: string;
  /** One run; its first output, row-major. Null for an engine whose file is another's. */
  run(): Promise<ArrayLike<number> | null>;
  dispose?(): void;
}

/** An engine. */
export interface Peer {
  readonly name: string;
  /** @throws Error with the reason for people, where it can't run that */
  start(subject: Subject, dtype: DType): Promise<PeerSession>;
}

const WARMUP = 3;

/** The times of engines, one after the other; each that can't run is said with its reason. @throws what `signal` was aborted with */
export async function* measurePeers(
  subject: Subject,
  peers: readonly Peer[],
  { runs, step, signal }: { runs: number; step(note: string): Step; signal: AbortSignal },
): AsyncGenerator<Step, PeerTimes> {
  const found: PeerTimes = { rows: [], absent: [] };
  let reference: ArrayLike<number> | undefined;
  for (const { name: engine, start } of peers) {
    for (const dtype of ['float32', 'int8'] as const) {
      yield step(`${engine}: loading, ${dtype}`);
      await breathe(signal);
      let session: PeerSession | undefined;
      try {
        session = await start(subject, dtype);
        const output = await session.run();
        if (engine === peers[0].name && dtype === 'float32' && output) reference = Float32Array.from(output);
        const agreed = output && reference ? correlation(output, reference) : null;
        const ms: number[] = [];
        for (let run = 1 - WARMUP; run <= runs; run++) {
          if (run > 0) yield step(`${engine}: ${dtype}, run ${run} of ${runs}`);
          await breathe(signal);
          const begin = performance.now();
          await session.run();
          if (run > 0) ms.push(performance.now() - begin);
        }
        found.rows.push({
          ...{ engine, version: session.version, dtype },
          ...timeOf(ms),
          correlation: agreed,
        });
      } catch (error) {
        signal.throwIfAborted();
        const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
        found.absent.push({ engine, dtype, reason });
      } finally {
        session?.dispose?.();
      }
    }
  }
  return found;
}
