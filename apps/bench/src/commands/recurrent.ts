import { type AnyModule, GRU, LSTM } from '@octet/nn';
import { quantizeDynamic } from '@octet/quantization';
import { manualSeed, noGrad, randn, setBackend } from '@octet/tensor';
import { Command, Option } from 'commander';
import { loadBackend } from '../backends';
import { type Host, hostInfo } from '../host';
import { backendOption, checkNumbers, jsonOption, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { type Provenance, provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right, type TableData } from '../terminal-table';
import { median, timeInTurn } from '../timing';

interface RecurrentOptions {
  backend: string;
  threads: number;
  steps: number;
  layers: number;
  size: number;
  batch: number;
  runs: number;
  json?: string;
}

interface RecurrentRow {
  network: string;
  dtype: 'float32' | 'int8';
  medianMs: number;
  minMs: number;
}

/** What the JSON file says. */
export interface RecurrentReport extends Omit<RecurrentOptions, 'json'>, Partial<Provenance> {
  command: 'recurrent';
  rows: RecurrentRow[];
  host: Host;
}

/** The networks, one line each. */
const networks = { LSTM, GRU };

export function recurrentCommand(): Command {
  const count = (flag: string, about: string, value: number) =>
    new Option(flag, about).default(value).argParser(whole({ min: 1 }));
  return new Command('recurrent')
    .description('time LSTM and GRU, in float and in dynamic int8')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(count('--steps <n>', 'length of the sequences', 98))
    .addOption(count('--layers <n>', 'layers on top of each other', 2))
    .addOption(count('--size <n>', 'of the input and of the hidden state', 64))
    .addOption(count('--batch <n>', 'sequences at once', 1))
    .addOption(count('--runs <n>', 'timed runs of each', 100))
    .addOption(jsonOption())
    .action(benchRecurrent);
}

async function benchRecurrent({ json, ...options }: RecurrentOptions): Promise<void> {
  const { threads, steps, layers, size, batch, runs } = options;
  checkNumbers('--steps, --batch and --size', [steps, batch, size]);
  checkNumbers('--layers and --size', [layers, size, size, 4]);
  await checkFilePath(json);
  const backend = await loadBackend(options.backend, { threads });
  setBackend(backend);
  manualSeed(0);
  const x = randn([steps, batch, size]);
  const measured: { network: string; dtype: RecurrentRow['dtype']; module: AnyModule }[] = [];
  for (const [network, Layer] of Object.entries(networks)) {
    const float = new Layer(size, size, { numLayers: layers }).eval();
    measured.push({ network, dtype: 'float32', module: float });
    measured.push({ network, dtype: 'int8', module: await quantizeDynamic(float) });
  }
  const calls = measured.map(
    ({ module }) =>
      () =>
        noGrad(() => module.call(x)),
  );
  const { result } = await withProgress('Measuring', (report) =>
    timeInTurn(calls, { runs, backend, warmup: 20, onRun: (done) => report(done, runs) }),
  );
  const report: RecurrentReport = {
    command: 'recurrent',
    ...provenance(),
    ...options,
    backend: backend.name,
    rows: measured.map(({ network, dtype }, i) => ({
      ...{ network, dtype },
      ...{ medianMs: median(result[i]), minMs: Math.min(...result[i]) },
    })),
    host: hostInfo(),
  };
  for (const { columns, rows } of recurrentTables(report)) console.log(formatTable(columns, rows));
  if (json !== undefined) await writeJson(json, report);
}

export function recurrentTables(report: RecurrentReport): TableData[] {
  const { backend, threads, steps, layers, size, batch, rows } = report;
  const onThreads = threads === 1 ? '1 thread' : `${threads} threads`;
  return [
    {
      columns: [
        {
          title: `${steps} steps, ${layers} layers of ${size}, batch ${batch} · ${backend}, ${onThreads}`,
        },
        { title: 'dtype' },
        right('median ms'),
        right('least ms'),
      ],
      rows: rows.map(({ network, dtype, medianMs, minMs }) => [
        network,
        dtype,
        medianMs.toFixed(3),
        minMs.toFixed(3),
      ]),
    },
  ];
}
