import { breathe } from '@octet/cli/interrupt';
import { DataLoader, type Dataset } from '@octet/data';
import { CrossEntropyLoss, type Module } from '@octet/nn';
import { Adam, OneCycleLR } from '@octet/optim';
import type { Digit } from '@octet/vision';
import { formatCount } from '../format';
import type { Report } from '../progress';

const batchSize = 64;

export interface TrainOptions {
  model: Module;
  data: Dataset<Digit>;
  epochs: number;
  /** The top of the learning rate's cycle. */
  maxLr: number;
  /** Of the order of the digits. */
  seed: number;
  /** Told of each batch. */
  report?: Report;
}

/** Trains with Adam and one cycle of its learning rate. @throws Interrupted */
export async function train({ model, data, epochs, maxLr, seed, report }: TrainOptions): Promise<void> {
  model.train();
  const loader = new DataLoader({
    dataset: data,
    batchSize: Math.min(batchSize, data.length),
    shuffle: true,
    seed,
    dropLast: true,
  });
  const totalSteps = epochs * loader.length;
  const optimizer = new Adam(model.parameters());
  // Straight to work: the network is small and its activations are normalised.
  const scheduler = new OneCycleLR(optimizer, { maxLr, totalSteps, pctStart: 0.2, divFactor: 5 });
  const criterion = new CrossEntropyLoss();
  const start = performance.now();
  let batch = 0;
  let recent: number | undefined;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { image, label } of loader) {
      await breathe();
      const loss = criterion.call(model.call(image), label);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      scheduler.step();
      const now = await loss.item();
      recent = recent === undefined ? now : 0.95 * recent + 0.05 * now;
      batch++;
      const speed = (1000 * batch * loader.batchSize) / (performance.now() - start);
      const note = `epoch ${epoch + 1}/${epochs}  loss ${recent.toFixed(3)}  ${formatCount(Math.round(speed))} images/s`;
      report?.(batch, totalSteps, note);
    }
  }
}
