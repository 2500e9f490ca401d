import path from 'node:path';
import { UsageError } from '@octet/cli/errors';
import { type Dataset, Subset } from '@octet/data';
import type { Module } from '@octet/nn';
import { manualSeed, setBackend } from '@octet/tensor';
import { type Digit, DigitClassifier, MNIST_SIZE, mnist } from '@octet/vision';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { loadBackend } from '../backends';
import { digitsPerLine, drawDigits } from '../digits/draw';
import { accuracy, predict, saveCheckpoint, timeThousand } from '../digits/measure';
import { quantizeAfterTraining, quantizeByTraining } from '../digits/quantize';
import { train } from '../digits/train';
import { formatBytes, formatCount, formatMs, formatPercent, timeConsumption } from '../format';
import { hostInfo } from '../host';
import { backendOption, jsonOption, number, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right } from '../terminal-table';

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
    .addOption(new Option('--epochs <n>', 'epochs of float training').default(6).argParser(whole({ min: 1 })))
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

async function benchDigits({ json, ...options }: DigitsOptions): Promise<void> {
  checkCounts(options);
  await checkFilePath(json);
  for (const file of Object.values(checkpointFiles))
    await checkFilePath(checkpoint(options.out, file), '--out');
  const backend = await loadBackend(options.backend, options);
  setBackend(backend);
  const { epochs, seed, width, threads, out } = options;
  const { train, test } = await mnist({ train: options.train, test: options.test, seed });
  console.log(
    `Digits  ${formatCount(train.length)} to train, ${formatCount(test.length)} to test · ${backend.name}`,
  );

  const { contenders, ...seconds } = await trainAndQuantize(train, options);
  const predictions = await mapEach(contenders, ({ model }) => predict(model, test));
  const results = {
    accuracy: await mapEach(predictions, (labels) => accuracy(labels, test)),
    bytes: await mapEach(contenders, ({ file, model, saved = model }) =>
      saveCheckpoint(saved, checkpoint(out, file)),
    ),
    msPer1000: await timeEach(contenders, test),
  };
  const checkpointRatio = results.bytes.qatInt8 / results.bytes.fp32;
  const { fp32, qatInt8 } = results.msPer1000;

  console.log(`\n${table(contenders, results)}`);
  console.log(
    pc.dim(`checkpoints in ${path.join(out, path.sep)}: int8 is ${checkpointRatio.toFixed(3)} of float32`),
  );
  console.log(`\n${timeConsumption(fp32, qatInt8, '1,000 digits')}\n`);
  const shown = Math.min(test.length, 6, digitsPerLine(process.stdout.columns || 100));
  const digits = Array.from({ length: shown }, (_, i) => test.get(i));
  console.log(await drawDigits(digits, predictions.qatInt8));
  console.log('A model of your own: npx octet quantize model.onnx --data folder (docs/quantize.md)');

  if (json === undefined) return;
  await writeJson(json, {
    command: 'digits',
    ...provenance(),
    backend: backend.name,
    threads,
    ...results,
    checkpointRatio,
    speedup: fp32 / qatInt8,
    ...seconds,
    epochs,
    train: train.length,
    test: test.length,
    width,
    seed,
    host: hostInfo(),
  });
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

type PerContender<T> = Record<'fp32' | 'ptqInt8' | 'qatInt8', T>;

const checkpointFiles: PerContender<string> = {
  fp32: 'digits-fp32',
  ptqInt8: 'digits-int8-ptq',
  qatInt8: 'digits-int8-qat',
};

function checkpoint(folder: string, file: string): string {
  return path.join(folder, `${file}.safetensors`);
}

/** The float network, and what the two ways of quantization make of it. @throws Interrupted */
async function trainAndQuantize(data: Dataset<Digit>, { epochs, seed, width }: Omit<DigitsOptions, 'json'>) {
  manualSeed(seed);
  const float = new DigitClassifier({ width });
  const training = await withProgress('Training   ', (report) =>
    train({ model: float, data, epochs, maxLr: 0.01, seed, report }),
  );
  const calibration = await withProgress('Calibrating', (report) =>
    quantizeAfterTraining(float, firstOf(data, 512), report),
  );
  const half = firstOf(data, Math.ceil(data.length / 2));
  const fineTuning = await withProgress('Fine-tuning', (report) =>
    quantizeByTraining(float, { data: half, epochs: 1, maxLr: 0.001, seed: seed + 1, report }),
  );
  const fused = float.clone().eval();
  fused.fuseModel();
  const contenders: PerContender<Contender> = {
    fp32: { label: 'float32', file: checkpointFiles.fp32, model: fused, saved: float },
    ptqInt8: { label: 'int8 (PTQ)', file: checkpointFiles.ptqInt8, model: calibration.result },
    qatInt8: { label: 'int8 (QAT)', file: checkpointFiles.qatInt8, model: fineTuning.result },
  };
  return {
    contenders,
    trainSeconds: training.seconds,
    calibrationSeconds: calibration.seconds,
    qatSeconds: fineTuning.seconds,
  };
}

function table(
  contenders: PerContender<Contender>,
  results: Record<'accuracy' | 'bytes' | 'msPer1000', PerContender<number>>,
): string {
  const names = Object.keys(contenders) as (keyof typeof contenders)[];
  return formatTable(
    [{ title: '' }, right('accuracy'), right('checkpoint'), right('1,000 images')],
    names.map((name) => [
      contenders[name].label,
      formatPercent(results.accuracy[name]),
      formatBytes(results.bytes[name]),
      formatMs(results.msPer1000[name]),
    ]),
  );
}

/** @throws UsageError for more digits than there are */
function checkCounts({ train, test }: Pick<DigitsOptions, 'train' | 'test'>): void {
  if (train + test <= MNIST_SIZE) return;
  throw new UsageError({
    op: '--train and --test',
    expected: `at most ${MNIST_SIZE} together`,
    found: `${train} and ${test}`,
    fix: 'No digit is in both parts.',
  });
}

async function timeEach(
  { fp32, ptqInt8, qatInt8 }: PerContender<Contender>,
  test: Dataset<Digit>,
): Promise<PerContender<number>> {
  const ms = await timeThousand([fp32.model, ptqInt8.model, qatInt8.model], test);
  return { fp32: ms[0], ptqInt8: ms[1], qatInt8: ms[2] };
}

function firstOf<T>(data: Dataset<T>, count: number): Subset<T> {
  return new Subset(
    data,
    Array.from({ length: Math.min(count, data.length) }, (_, i) => i),
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
