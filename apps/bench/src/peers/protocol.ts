import type { Job } from './engine';
import type { EngineName } from './engines';

/** What the process of an engine is asked: first to load a network, then to run it. */
export type Request =
  | { kind: 'load'; engine: EngineName; job: Job; warmup: Span }
  | { kind: 'time'; span: Span };

/** At least so many runs, and so many milliseconds of them. */
export interface Span {
  runs: number;
  ms: number;
}

/** What it answers. */
export type Reply =
  | { kind: 'loaded'; version: string; output: Float32Array }
  | { kind: 'timed'; ms: number[] }
  /** The engine isn't there, or can't do it. */
  | { kind: 'failed'; reason: string };
