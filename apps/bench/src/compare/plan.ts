import type { ModelName } from '../model-sizes';

/** What is to be compared. */
export interface ComparePlan {
  model: ModelName;
  /** By the names that a front end knows. */
  backends: readonly string[];
  batch: number;
  /** Height and width of the images. */
  size: number;
  /** Timed runs of each network. */
  runs: number;
  /** Of the backends that have them. */
  threads: number;
}

/** What a plan leaves open. */
export const usual = { batch: 1, runs: 10, threads: 1 } as const;

/** The most that a front end takes: beyond it nobody waits. */
export const most = { batch: 256, size: 512, runs: 1000, threads: 64 } as const;
