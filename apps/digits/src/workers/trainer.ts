import { setBackend } from '@octet/tensor';
import { type BackendName, backends } from '@octet/web/backends';
import { type Kind, saveModel } from '../model';
import { split, unpackSamples } from '../samples';
import { type TrainingStep, trainDigits } from '../training';
import type { Checkpoints } from './reader';

export interface TrainerOptions {
  backend: BackendName;
  /** Of the digits. */
  samples: string;
  floatEpochs: number;
  qatEpochs: number;
  seed: number;
}

export interface TrainedModels {
  checkpoints: Checkpoints;
  accuracy: Record<Kind, number>;
}

/** Told of each step; the next one begins when its promise resolves, to true if training is to come to an end. */
export type OnStep = (step: TrainingStep) => Promise<boolean>;

const measureEvery = 25;

/** Trains a network. */
export const trainer = {
  async train({ backend, samples, ...options }: TrainerOptions, onStep: OnStep): Promise<TrainedModels> {
    const loaded = await backends[backend].load();
    setBackend(loaded.backend);
    const digits = split(unpackSamples(await fetchSamples(samples)));
    const training = trainDigits({ ...digits, ...options, measureEvery });
    let result = await training.next();
    while (!result.done) result = await training.next(await onStep(result.value));
    const { float, int8, accuracy } = result.value;
    return { checkpoints: { float: await saveModel(float), int8: await saveModel(int8) }, accuracy };
  },
};

async function fetchSamples(url: string): Promise<Uint8Array> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new Error(
      'The digits to learn from (1.6 MB) could not be loaded, and are not saved on this device yet. ' +
        'Connect to the network and start again: from then on training works offline too.',
      { cause },
    );
  });
  if (!response.ok || !response.body)
    throw new Error(`The digits to learn from could not be loaded: HTTP ${response.status}.`);
  const bytes = new Response(response.body.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
  return new Uint8Array(await bytes);
}
