// Training in the browser, as the page shows it.
import { computed, signal } from '@preact/signals';
import * as Comlink from 'comlink';
import { backend, messageOf, useModels } from './reader';
import type { TrainingStep } from './training';
import { startWorker } from './workers/start';
import type { TrainedModels } from './workers/trainer';

export type Status = 'idle' | 'loading' | 'running' | 'paused' | 'finishing' | 'done';

/** How long to train: epochs in float, then in QAT. */
export const plans = {
  short: { label: 'Short: 1 + 1 epochs', floatEpochs: 1, qatEpochs: 1 },
  usual: { label: 'Usual: 4 + 2 epochs', floatEpochs: 4, qatEpochs: 2 },
  long: { label: 'Long: 12 + 4 epochs', floatEpochs: 12, qatEpochs: 4 },
};

export type PlanName = keyof typeof plans;

export const status = signal<Status>('idle');
/** Every step so far; `latest` changes when there are more. */
export const history: TrainingStep[] = [];
export const latest = signal<TrainingStep>();
export const trained = signal<TrainedModels>();
/** Why training ended without a result: shown where it was started. */
export const failure = signal<string>();
export const active = computed(() => !['idle', 'done'].includes(status.value));

/** Lets the trainer go on, if it waits. */
let goOn = () => {};

export async function startTraining({ floatEpochs, qatEpochs }: (typeof plans)[PlanName]): Promise<void> {
  history.length = 0;
  latest.value = undefined;
  trained.value = undefined;
  failure.value = undefined;
  status.value = 'loading';
  const { worker, api } = startWorker();
  const failed = new Promise<never>((_, reject) => {
    worker.onerror = (event) => reject(new Error(event.message || 'The worker could not be started.'));
  });
  try {
    const options = {
      backend: backend.peek()?.name ?? 'js',
      samples: new URL('mnist.bin', document.baseURI).href,
      floatEpochs,
      qatEpochs,
      seed: Math.floor(Math.random() * 2 ** 32),
    };
    trained.value = await Promise.race([api.train(options, Comlink.proxy(onStep)), failed]);
    showLatest();
    status.value = 'done';
  } catch (error) {
    failure.value = messageOf(error);
    status.value = 'idle';
  } finally {
    worker.terminate();
  }
}

/** The trainer waits for what this promises: that is how it is paused, and how it learns that it is to finish. */
async function onStep(step: TrainingStep): Promise<boolean> {
  history.push(step);
  // Once for each frame is enough.
  if (!frameAsked) requestAnimationFrame(showLatest);
  frameAsked = true;
  if (status.value === 'loading') status.value = 'running';
  if (status.value === 'paused') {
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
  }
  return status.value === 'finishing';
}

let frameAsked = false;
function showLatest(): void {
  frameAsked = false;
  latest.value = history.at(-1);
}

export function pause(): void {
  status.value = 'paused';
}

export function resume(): void {
  status.value = 'running';
  goOn();
}

/** Comes to an end soon, with what has been learned. */
export function finish(): void {
  status.value = 'finishing';
  goOn();
}

export async function useTrained(): Promise<void> {
  if (trained.value) await useModels({ ...trained.value, origin: 'trained here' });
}
