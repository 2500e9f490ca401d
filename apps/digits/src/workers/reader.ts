import type { Plan } from '@octet/graph';
import { setBackend, type Tensor } from '@octet/tensor';
import { type BackendName, backends, type LoadedBackend } from '@octet/web/backends';
import { type Choice, choices } from '@octet/web/choices';
import { classify, type Kind, loadModel, planFor } from '../model';

/** The two checkpoints of a network. */
export type Checkpoints = Readonly<Record<Kind, Uint8Array>>;

export interface Answer {
  /** Of 0 to 9. */
  probabilities: number[];
  /** From the pixels to the probabilities, the median of some runs. */
  milliseconds: number;
}

export type Answers = Readonly<Record<Kind, Answer>>;

const mostRuns = 25;
const enoughMilliseconds = 20;

let last: Promise<unknown> = Promise.resolve();
let loaded: LoadedBackend | undefined;
let checkpoints: Checkpoints;
let plans: Record<Kind, Plan<Tensor>> | undefined;

/** Runs both models. */
export const reader = {
  /** Why this browser can't have a backend. Asked here: the question keeps the thread that asks it waiting for the GPU's process. */
  missing(name: BackendName): Promise<string | undefined> | undefined {
    const { missing }: Choice = choices[name];
    return missing?.();
  },

  /** Both models on another backend. @returns what the backend found and chose */
  useBackend: oneAtATime(async (name: BackendName): Promise<string> => {
    const next = await backends[name].load();
    setBackend(next.backend);
    loaded?.dispose();
    loaded = next;
    if (checkpoints) await load();
    return next.details;
  }),

  useModels: oneAtATime(async (files: Checkpoints): Promise<void> => {
    checkpoints = files;
    await load();
  }),

  /** What both say of an image of 28 × 28 bytes. */
  read: oneAtATime(async (image: Uint8Array): Promise<Answers> => {
    const pixels = Float32Array.from(image, (byte) => byte / 255);
    const { float, int8 } = plans as Record<Kind, Plan<Tensor>>;
    return { float: await answer(float, pixels), int8: await answer(int8, pixels) };
  }),
};

async function load(): Promise<void> {
  const before = plans;
  plans = {
    float: planFor(await loadModel('float', checkpoints.float)),
    int8: planFor(await loadModel('int8', checkpoints.int8)),
  };
  for (const plan of Object.values(before ?? {})) plan.dispose();
  // The first runs warm up the engine.
  const blank = new Float32Array(28 * 28);
  for (const plan of Object.values(plans)) await answer(plan, blank);
}

async function answer(plan: Plan<Tensor>, pixels: Float32Array): Promise<Answer> {
  const times: number[] = [];
  let probabilities: number[];
  const start = performance.now();
  do {
    const from = performance.now();
    probabilities = await classify(plan, pixels);
    times.push(performance.now() - from);
  } while (times.length < mostRuns && performance.now() - start < enoughMilliseconds);
  return { probabilities, milliseconds: times.sort((a, b) => a - b)[times.length >> 1] };
}

/** One call after the other: none sees a backend or models half changed. */
function oneAtATime<A extends unknown[], R>(fn: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return (...args) => {
    const turn = last.then(() => fn(...args));
    last = turn.catch(() => {});
    return turn;
  };
}
