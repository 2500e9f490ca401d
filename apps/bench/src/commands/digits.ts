import path from 'node:path';
import { type Dataset, Subset } from '@octet/data';
import type { Module } from '@octet/nn';
import { manualSeed, setBackend } from '@octet/tensor';
import { DigitClassifier, MNIST_SIZE, mnist } from '@octet/vision';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { loadBackend } from '../backends';
import { digitsPerLine, drawDigits } from '../digits/draw';
import { accuracy, predict, saveCheckpoint, timeThousand } from '../digits/measure';
import { quantizeAfterTraining, quantizeByTraining } from '../digits/quantize';
import { train } from '../digits/train';
import { UsageError } from '../errors';
import { formatBytes, formatCount, formatMs, formatPercent, timeConsumption } from '../format';
import { hostInfo } from '../host';
import { checkJsonPath, writeJson } from '../json-file';
import { backendOption, jsonOption, number, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { formatTable } from '../table';

interface DigitsOptions {
  backend: string;
  threads: number;
  epochs: number;
  train: number;
  test: number;
  width: number;
  seed: number;
  out: string;
  json?: string;
}

export function digitsCommand(): Command {
  return new Command('digits')
    .description('train a network on real digits, quantize it in two ways, and compare')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(new Option('--epochs <n>', 'epochs of float training').default(3).argParser(whole({ min: 1 })))
    .addOption(
      new Option('--train <n>', 'digits to learn from')
        .default(8000)
        .argParser(whole({ min: 2, max: MNIST_SIZE - 1 })),
    )
    .addOption(
      new Option('--test <n>', 'digits to hold out')
        .default(2000)
        .argParser(whole({ min: 1, max: MNIST_SIZE - 2 })),
    )
    .addOption(
      new Option('--width <w>', 'times the channels of every layer')
        .default(1)
        .argParser(number({ min: 0.1, max: 8 })),
    )
    .addOption(new Option('--seed <n>', 'of split, weights and order').default(0).argParser(whole()))
    .addOption(new Option('--out <folder>', 'where the checkpoints go').default('checkpoints'))
    .addOption(jsonOption())
    .action(benchDigits);
}

/** One of the three networks that are compared. */
interface Contender {
  label: string;
  file: string;
  /** What runs. */
  model: Module;
  /** What is saved, where that is another. */
  saved?: Module;
}

async function benchDigits(options: DigitsOptions): Promise<void> {
  checkCounts(options);
  await checkJsonPath(options.json);
  const backend = await loadBackend(options.backend, options);
  setBackend(backend);
  const { epochs, seed, width, out } = options;
  const digits = await mnist({ train: options.train, test: options.test, seed });
  const { length } = digits.train;
  console.log(
    `Digits  ${formatCount(length)} to train, ${formatCount(digits.test.length)} to test · ${backend.name}`,
  );

  manualSeed(seed);
  const float = new DigitClassifier({ width });
  const training = await withProgress('Training   ', (report) =>
    train({ model: float, data: digits.train, epochs, maxLr: 0.01, seed, report }),
  );
  const calibration = await withProgress('Calibrating', (report) =>
    quantizeAfterTraining(float, firstOf(digits.train, 512), report),
  );
  const fineTuning = await withProgress('Fine-tuning', (report) =>
    quantizeByTraining(float, {
      data: firstOf(digits.train, length / 2),
      epochs: 1,
      maxLr: 0.001,
      seed: seed + 1,
      report,
    }),
  );

  const fused = float.clone().eval();
  fused.fuseModel();
  const contenders = {
    fp32: { label: 'float32', file: 'digits-fp32', model: fused, saved: float },
    ptqInt8: { label: 'int8 (PTQ)', file: 'digits-int8-ptq', model: calibration.result },
    qatInt8: { label: 'int8 (QAT)', file: 'digits-int8-qat', model: fineTuning.result },
  } satisfies Record<string, Contender>;
  const predictions = await mapEach(contenders, ({ model }) => predict(model, digits.test));
  const accuracies = await mapEach(predictions, (labels) => accuracy(labels, digits.test));
  const bytes = await mapEach(contenders, ({ file, model, saved = model }: Contender) =>
    saveCheckpoint(saved, path.join(out, `${file}.safetensors`)),
  );
  const msPer1000 = await mapEach(contenders, ({ model }) => timeThousand(model, digits.test));

  const names = Object.keys(contenders) as (keyof typeof contenders)[];
  console.log();
  console.log(
    formatTable(
      [
        { title: '' },
        { title: 'accuracy', align: 'right' },
        { title: 'checkpoint', align: 'right' },
        { title: '1,000 images', align: 'right' },
      ],
      names.map((name) => [
        contenders[name].label,
        formatPercent(accuracies[name]),
        formatBytes(bytes[name]),
        formatMs(msPer1000[name]),
      ]),
    ),
  );
  const ratio = bytes.qatInt8 / bytes.fp32;
  console.log(pc.dim(`checkpoints in ${out}${path.sep}: int8 is ${ratio.toFixed(3)} of float32`));
  console.log();
  console.log(timeConsumption(msPer1000.fp32, msPer1000.qatInt8, '1,000 digits'));
  console.log();
  const shown = firstOf(digits.test, Math.min(6, digitsPerLine(process.stdout.columns || 100)));
  console.log(
    drawDigits(
      Array.from({ length: shown.length }, (_, i) => shown.get(i)),
      predictions.qatInt8,
    ),
  );

  if (options.json === undefined) return;
  await writeJson(options.json, {
    command: 'digits',
    backend: backend.name,
    threads: options.threads,
    accuracy: accuracies,
    bytes,
    checkpointRatio: ratio,
    trainSeconds: training.seconds,
    calibrationSeconds: calibration.seconds,
    qatSeconds: fineTuning.seconds,
    msPer1000,
    speedup: msPer1000.fp32 / msPer1000.qatInt8,
    epochs,
    train: length,
    test: digits.test.length,
    width,
    seed,
    host: hostInfo(),
  });
}

/** @throws UsageError for more digits than there are */
function checkCounts({ train, test }: DigitsOptions): void {
  if (train + test <= MNIST_SIZE) return;
  throw new UsageError({
    op: '--train and --test',
    expected: `at most ${MNIST_SIZE} together`,
    found: `${train} and ${test}`,
    fix: 'No digit is in both parts.',
  });
}

function firstOf<T>(data: Dataset<T>, count: number): Subset<T> {
  return new Subset(
    data,
    Array.from({ length: Math.min(Math.ceil(count), data.length) }, (_, i) => i),
  );
}

/** The same keys, each with what `fn` makes of its value; one after the other. */
async function mapEach<K extends string, V, W>(
  values: Readonly<Record<K, V>>,
  fn: (value: V) => W | Promise<W>,
): Promise<Record<K, W>> {
  const results: [string, W][] = [];
  for (const [key, value] of Object.entries<V>(values)) results.push([key, await fn(value)]);
  return Object.fromEntries(results) as Record<K, W>;
}
