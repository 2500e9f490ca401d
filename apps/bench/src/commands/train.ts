import { type Module, MSELoss } from '@octet/nn';
import { SGD } from '@octet/optim';
import { getDefaultQatQConfigMapping, prepareQat } from '@octet/quantization';
import { manualSeed, randn, setBackend } from '@octet/tensor';
import { Command, Option } from 'commander';
import { loadBackend } from '../backends';
import { type Host, hostInfo } from '../host';
import { type ModelName, models } from '../models';
import { backendOption, checkNumbers, jsonOption, modelOption, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { type Provenance, provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right, type TableData } from '../terminal-table';
import { median, timeInTurn } from '../timing';

interface TrainOptions {
  backend: string;
  threads: number;
  model: ModelName;
  batch: number;
  size: number;
  runs: number;
  json?: string;
}

interface Step {
  medianMs: number;
  minMs: number;
}

/** What the JSON file says. */
export interface TrainReport extends Partial<Provenance> {
  command: 'train';
  backend: string;
  threads: number;
  model: ModelName;
  batch: number;
  size: number;
  runs: number;
  fp32: Step;
  qat: Step;
  /** How much longer a step with simulated rounding takes. */
  ratio: number;
  host: Host;
}

export function trainCommand(): Command {
  const count = (flag: string, about: string, value: number) =>
    new Option(flag, about).default(value).argParser(whole({ min: 1 }));
  return new Command('train')
    .description('time a training step in float and with quantization simulated')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(modelOption().default('tutorial'))
    .addOption(count('--batch <n>', 'images of a step', 12))
    .addOption(count('--size <n>', 'their height and width', 28))
    .addOption(count('--runs <n>', 'timed steps of each kind', 20))
    .addOption(jsonOption())
    .action(benchTrain);
}

async function benchTrain({
  json,
  model,
  batch,
  size,
  runs,
  threads,
  ...options
}: TrainOptions): Promise<void> {
  const { create, channels } = models[model];
  checkNumbers('--batch and --size', [batch, channels, size, size]);
  await checkFilePath(json);
  const backend = await loadBackend(options.backend, { threads });
  setBackend(backend);
  manualSeed(0);

  const float = create().train();
  const fused = create().train();
  fused.fuseModel();
  const qat = prepareQat(fused, getDefaultQatQConfigMapping(), { inplace: true });
  const x = randn([batch, channels, size, size]);
  const steps = [float, qat].map((network) => stepOf(network, x));
  const ms = await withProgress('Training', (report) =>
    timeInTurn(steps, { runs, backend, onRun: (done) => report(done, runs) }),
  );
  const [fp32, simulated] = ms.result.map((times) => ({
    medianMs: median(times),
    minMs: Math.min(...times),
  }));
  const report: TrainReport = {
    command: 'train',
    ...provenance(),
    backend: backend.name,
    threads,
    model,
    batch,
    size,
    runs,
    fp32,
    qat: simulated,
    ratio: simulated.medianMs / fp32.medianMs,
    host: hostInfo(),
  };
  for (const { columns, rows } of trainTables(report)) console.log(formatTable(columns, rows));
  if (json !== undefined) await writeJson(json, report);
}

/** One step of training: forward, loss, backward, and the optimizer's. */
function stepOf(network: Module, x: ReturnType<typeof randn>): () => void {
  const optimizer = new SGD(network.parameters(), { lr: 0.01 });
  const criterion = new MSELoss();
  const target = randn(network.call(x).shape);
  return () => {
    const loss = criterion.call(network.call(x), target);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  };
}

export function trainTables({
  backend,
  threads,
  model,
  batch,
  size,
  fp32,
  qat,
  ratio,
}: TrainReport): TableData[] {
  const row = (kind: string, { medianMs, minMs }: Step, times: string) => [
    kind,
    medianMs.toFixed(1),
    minMs.toFixed(1),
    times,
  ];
  return [
    {
      columns: [
        {
          title: `a step of ${model}, ${batch} images of ${size} × ${size} · ${backend}, ${threads === 1 ? '1 thread' : `${threads} threads`}`,
        },
        right('median ms'),
        right('least ms'),
        right('ratio'),
      ],
      rows: [row('float32', fp32, ''), row('QAT', qat, ratio.toFixed(2))],
    },
  ];
}
