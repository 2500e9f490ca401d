import { DataLoader, type Dataset, MapDataset } from '@octet/data';
import { CrossEntropyLoss } from '@octet/nn';
import { Adam, OneCycleLR } from '@octet/optim';
import { convert, disableObserver, freezeBnStats } from '@octet/quantization';
import { fromData, Generator, manualSeed, noGrad, type Tensor } from '@octet/tensor';
import type { DigitClassifier } from '@octet/vision';
import { augment } from './augment';
import { fused, newModel, quantizable } from './model';
import type { Sample } from './samples';

export interface TrainingOptions {
  train: Dataset<Sample>;
  /** Held out: only ever looked at to measure. */
  test: Dataset<Sample>;
  /** Epochs of float training. */
  floatEpochs: number;
  /** Epochs of quantization-aware training after them. */
  qatEpochs: number;
  /** Steps from one measurement of accuracy to the next. */
  measureEvery: number;
  /** Of the weights, the order of the digits and their variations. */
  seed: number;
}

export type Phase = 'float' | 'qat';

/** What happened in one step. */
export interface TrainingStep {
  phase: Phase;
  /** From 1, over both phases. */
  step: number;
  steps: number;
  loss: number;
  /** The part of the held-out digits that were read right, where it was measured. */
  accuracy?: number;
}

export interface Trained {
  float: DigitClassifier;
  int8: DigitClassifier;
  /** On the held-out digits. */
  accuracy: { float: number; int8: number };
}

const batchSize = 64;

/** What the ranges of the activations need at least, where training is cut short. */
const leastQatSteps = 8;

/**
 * Trains a network in float, then with the rounding of int8 simulated, and converts it. One step for each `next()`, so
 * that the caller decides when to go on; `next(true)` asks to come to an end with what has been learned.
 */
export async function* trainDigits({
  train,
  test,
  floatEpochs,
  qatEpochs,
  measureEvery,
  seed,
}: TrainingOptions): AsyncGenerator<TrainingStep, Trained, boolean | undefined> {
  manualSeed(seed);
  const random = new Generator(seed);
  const loader = new DataLoader({
    dataset: new MapDataset(train, ({ pixels, label }) => ({ pixels: augment(pixels, random), label })),
    batchSize: Math.min(batchSize, train.length),
    shuffle: true,
    seed,
    dropLast: true,
    collate: toBatch,
  });
  const steps = (floatEpochs + qatEpochs) * loader.length;
  let step = 0;
  let finish = false;

  /** Returns after `epochs`, or after `least` steps if it is asked to finish. */
  async function* run(
    phase: Phase,
    model: DigitClassifier,
    epochs: number,
    maxLr: number,
    least: number,
  ): AsyncGenerator<TrainingStep, void, boolean | undefined> {
    const totalSteps = epochs * loader.length;
    const optimizer = new Adam(model.parameters());
    const scheduler = new OneCycleLR(optimizer, { maxLr, totalSteps, pctStart: 0.2, divFactor: 5 });
    const criterion = new CrossEntropyLoss();
    for (let done = 0; done < totalSteps; ) {
      for (const { images, labels } of loader) {
        if (finish && done >= least) return;
        // As PyTorch advises: at the end the ranges and statistics rest, and the weights settle to them.
        if (phase === 'qat' && done === Math.floor((2 * totalSteps) / 3)) {
          model.apply(disableObserver).apply(freezeBnStats);
        }
        const loss = criterion.call(model.call(images), labels);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        scheduler.step();
        step++;
        done++;
        const measured = step % measureEvery === 0 && { accuracy: await accuracyWhileTraining(model, test) };
        finish = (yield { phase, step, steps, loss: await loss.item(), ...measured }) === true || finish;
      }
    }
  }

  const float = newModel().train();
  yield* run('float', float, floatEpochs, 0.01, 1);
  const prepared = quantizable(float);
  yield* run('qat', prepared, qatEpochs, 0.002, leastQatSteps);
  const int8 = await convert(prepared);
  return {
    float,
    int8,
    accuracy: { float: await accuracy(fused(float), test), int8: await accuracy(int8, test) },
  };
}

/** The part of the digits that a model in evaluation mode reads right. */
export async function accuracy(model: DigitClassifier, data: Dataset<Sample>): Promise<number> {
  let [seen, right] = [0, 0];
  for (const { images } of new DataLoader({ dataset: data, batchSize: 200, collate: toBatch })) {
    const answers = await noGrad(() => model.call(images).argmax(1)).data();
    for (const answer of answers) right += Number(answer === data.get(seen++).label);
  }
  return right / data.length;
}

/** Measured on a copy, whose observers are off: training goes on as if nothing had been looked at. */
function accuracyWhileTraining(model: DigitClassifier, data: Dataset<Sample>): Promise<number> {
  return accuracy(model.clone().eval().apply(disableObserver), data);
}

function toBatch(samples: readonly Sample[]): { images: Tensor; labels: Tensor } {
  const pixels = new Float32Array(samples.length * 784);
  samples.forEach((sample, n) => {
    for (const [i, value] of sample.pixels.entries()) pixels[n * 784 + i] = value / 255;
  });
  return {
    images: fromData(pixels, [samples.length, 1, 28, 28]),
    labels: fromData(
      samples.map(({ label }) => label),
      [samples.length],
      { dtype: 'int32' },
    ),
  };
}
