import type { ModelName } from '../model-sizes';

/** In the place of the name of a network: an ONNX file that someone gave. */
export const own = 'own';

/** What is to be compared. */
export interface ComparePlan {
  model: ModelName | typeof own;
  /** By the names that a front end knows. */
  backends: readonly string[];
  batch: number;
  /** Height and width of the images. */
  size: number;
  /** Timed runs of each network. */
  runs: number;
  /** Of the backends that have them. */
  threads: number;
  /** Other engines to run the same networks, by the names that a front end knows. */
  engines?: readonly string[];
}

/** What a plan leaves open. */
export const usual = { batch: 1, runs: 10, threads: 1 } as const;

/** The most that a front end takes: beyond it nobody waits. */
export const most = { batch: 256, size: 512, runs: 1000, threads: 64 } as const;
