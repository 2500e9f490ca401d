import { breathe } from '@octet/cli/interrupt';
import { DataLoader, type Dataset } from '@octet/data';
import {
  convert,
  disableObserver,
  flushObservers,
  freezeBnStats,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  prepare,
  prepareQat,
} from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import type { Digit, DigitClassifier } from '@octet/vision';
import type { Report } from '../progress';
import { type TrainOptions, train } from './train';

/** int8 without training: the ranges of the activations come from some digits. @throws Interrupted */
export async function quantizeAfterTraining(
  trained: DigitClassifier,
  calibration: Dataset<Digit>,
  report?: Report,
): Promise<DigitClassifier> {
  const model = trained.clone().eval();
  model.fuseModel();
  const prepared = prepare(model, getDefaultQConfigMapping(), { inplace: true });
  const loader = new DataLoader({ dataset: calibration, batchSize: Math.min(64, calibration.length) });
  let batch = 0;
  for (const { image } of loader) {
    await breathe();
    noGrad(() => prepared.call(image));
    await flushObservers(prepared);
    report?.(++batch, loader.length);
  }
  return convert(prepared);
}

/** int8 after some more training with the rounding simulated. @throws Interrupted */
export async function quantizeByTraining(
  trained: DigitClassifier,
  { report, ...options }: Omit<TrainOptions, 'model'>,
): Promise<DigitClassifier> {
  const model = trained.clone().train();
  model.fuseModel();
  const prepared = prepareQat(model, getDefaultQatQConfigMapping(), { inplace: true });
  await train({
    ...options,
    model: prepared,
    report(batch, batches, note) {
      // As PyTorch advises: at the end the ranges and statistics rest, and the weights settle to them.
      if (batch === Math.floor((2 * batches) / 3)) prepared.apply(disableObserver).apply(freezeBnStats);
      report?.(batch, batches, note);
    },
  });
  return convert(prepared);
}
