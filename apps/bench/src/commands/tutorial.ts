import { breathe } from '@octet/cli/interrupt';
import { serializeSafetensorsAsync } from '@octet/formats';
import type { Module } from '@octet/nn';
import { SGD } from '@octet/optim';
import { convert, defaultObserver, MinMaxObserver, prepareQat, QConfig } from '@octet/quantization';
import { manualSeed, noGrad, randn, setBackend, type Tensor } from '@octet/tensor';
import { TutorialNet } from '@octet/vision';
import { Command, Option } from 'commander';
import { loadBackend } from '../backends';
import { formatBytes, timeConsumption } from '../format';
import { hostInfo } from '../host';
import { backendOption, checkNumbers, jsonOption, threadsOption, whole } from '../options';
import { type Report, withProgress } from '../progress';
import { provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { sqnrDb } from '../sqnr';
import { median, timeInTurn } from '../timing';

interface TutorialOptions {
  backend: string;
  threads: number;
  batch: number;
  size: number;
  iterations: number;
  runs: number;
  json?: string;
}

export function tutorialCommand(): Command {
  const count = (flag: string, about: string, value: number) =>
    new Option(flag, about).default(value).argParser(whole({ min: 1 }));
  return new Command('tutorial')
    .alias('seed')
    .description('the tutorial program: train, convert, and time float against int8')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(count('--batch <n>', 'images that are timed at once', 50))
    .addOption(count('--size <n>', 'their height and width', 64))
    .addOption(count('--iterations <n>', 'training steps', 100))
    .addOption(count('--runs <n>', 'timed runs of each network', 10))
    .addOption(jsonOption())
    .action(benchTutorial);
}

async function benchTutorial({
  batch,
  size,
  iterations,
  runs,
  json,
  ...options
}: TutorialOptions): Promise<void> {
  checkNumbers('--batch and --size', [batch, 3, size, size]);
  await checkFilePath(json);
  const backend = await loadBackend(options.backend, options);
  setBackend(backend);
  manualSeed(0);

  const model = new TutorialNet().eval();
  // The tutorial's recipe: plain observers, which watch and don't simulate.
  model.qconfig = new QConfig({
    activation: MinMaxObserver.withArgs({ dtype: 'quint8' }),
    weight: defaultObserver.withArgs({ dtype: 'qint8' }),
  });
  model.fuseModel();
  model.train();
  const prepared = prepareQat(model);
  await withProgress('Training   ', (report) => train(prepared, iterations, report));
  prepared.eval();
  const int8 = await convert(prepared);

  model.eval();
  const x = randn([batch, 3, size, size]);
  const { result: times } = await withProgress('Timing     ', (report) =>
    timeInTurn(
      [model, int8].map((network) => () => noGrad(() => network.call(x))),
      { runs, backend, onRun: (done) => report(done, runs) },
    ),
  );
  const [fp32Ms, int8Ms] = times.map(median);

  const few = x.slice(0, 0, Math.min(batch, 8));
  const signal = await sqnrDb(run(prepared, few), run(int8, few));
  const bytes = {
    fp32: await checkpointBytes(model),
    fp32Prepared: await checkpointBytes(prepared),
    int8: await checkpointBytes(int8),
  };

  console.log(timeConsumption(runs * fp32Ms, runs * int8Ms, `${runs} x [${batch}, 3, ${size}, ${size}]`));
  console.log(
    `Checkpoints: fp32 ${formatBytes(bytes.fp32)}, prepared ${formatBytes(bytes.fp32Prepared)}, int8 ${formatBytes(bytes.int8)}`,
  );
  console.log(`Signal to quantization noise: ${signal.toFixed(1)} dB`);
  if (json === undefined) return;
  await writeJson(json, {
    command: 'tutorial',
    ...provenance(),
    backend: backend.name,
    threads: options.threads,
    fp32: { medianMs: fp32Ms },
    int8: { medianMs: int8Ms },
    speedup: fp32Ms / int8Ms,
    bytes,
    sqnrDb: signal,
    host: hostInfo(),
  });
}

/** The tutorial's loop. It leaves the loss open: here the outputs are pulled to zero. */
async function train(model: Module, iterations: number, report: Report): Promise<void> {
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  for (let i = 0; i < iterations; i++) {
    await breathe();
    const loss = model
      .call(randn([12, 3, 28, 28]))
      .square()
      .mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    report(i + 1, iterations, `loss ${(await loss.item()).toPrecision(3)}`);
  }
}

function run(model: Module, x: Tensor): Tensor {
  return noGrad(() => model.call(x));
}

async function checkpointBytes(model: Module): Promise<number> {
  return (await serializeSafetensorsAsync(model.stateDict())).length;
}
