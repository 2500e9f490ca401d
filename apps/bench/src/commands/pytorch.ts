import type { Backend } from '@octet/backend';
import { UsageError } from '@octet/cli/errors';
import { breathe } from '@octet/cli/interrupt';
import { noGrad, setBackend } from '@octet/tensor';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadBackend } from '../backends';
import { DisagreementError } from '../errors';
import { type Host, hostInfo } from '../host';
import { backendOption, jsonOption, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { type Provenance, provenance } from '../provenance';
import { type Case, type Dtype, dtypes, layerCases } from '../pytorch/cases';
import { type PyTorch, type PyTorchTime, startPyTorch } from '../pytorch/process';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right, type TableData } from '../terminal-table';

interface PyTorchOptions {
  python?: string;
  only?: RegExp;
  backend: string;
  threads: number;
  rounds: number;
  json?: string;
}

/** One call on both sides. */
interface PyTorchRow {
  layer: string;
  dtype: Dtype;
  octetMs: number;
  /** A text: why PyTorch has no time. */
  pytorchMs: PyTorchTime | null;
}

/** What the JSON file says. */
export interface PyTorchReport extends Partial<Provenance> {
  command: 'pytorch';
  backend: string;
  threads: number;
  rounds: number;
  /** Of PyTorch, if it took part. */
  pytorch: string | null;
  rows: PyTorchRow[];
  host: Host;
}

export function pytorchCommand(): Command {
  return new Command('pytorch')
    .description("time kinds of layers, beside PyTorch's qnnpack")
    .option(
      '--python <program>',
      'a Python with PyTorch (and torchvision, for models); else Octet alone is timed',
    )
    .addOption(new Option('--only <pattern>', 'the layers whose name it matches').argParser(pattern))
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(
      new Option('--rounds <n>', 'how often each layer is timed, in turn')
        .default(20)
        .argParser(whole({ min: 1 })),
    )
    .addOption(jsonOption())
    .action(benchPyTorch);
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch {
    throw new InvalidArgumentError('It must be a regular expression.');
  }
}

async function benchPyTorch({
  python,
  only = /(?:)/,
  json,
  rounds,
  ...options
}: PyTorchOptions): Promise<void> {
  await checkFilePath(json);
  const backend = await loadBackend(options.backend, options);
  setBackend(backend);
  const cases = layerCases();
  const names = Object.keys(cases).filter((name) => only.test(name));
  if (names.length === 0) {
    throw new UsageError({
      op: '--only',
      expected: 'a pattern that a layer matches',
      found: String(only),
      fix: `There are ${Object.keys(cases).join('; ')}.`,
    });
  }
  const pytorch = python === undefined ? undefined : await startPyTorch(python);
  try {
    if (pytorch) requireSame(Object.keys(cases), pytorch.names);
    const rows = await withProgress('Measuring', (report) =>
      measure(cases, names, rounds, backend, pytorch, (done) => report(done, rounds)),
    );
    const report: PyTorchReport = {
      command: 'pytorch',
      ...provenance(),
      ...{ backend: backend.name, threads: options.threads, rounds },
      pytorch: pytorch?.version ?? null,
      rows: rows.result,
      host: hostInfo(),
    };
    for (const { columns, rows } of pytorchTables(report)) console.log(formatTable(columns, rows));
    if (json !== undefined) await writeJson(json, report);
  } finally {
    pytorch?.end();
  }
}

/** @throws DisagreementError unless both sides have the same layers */
function requireSame(ours: readonly string[], theirs: readonly string[]): void {
  const lacking = [
    ...ours.filter((name) => !theirs.includes(name)),
    ...theirs.filter((name) => !ours.includes(name)),
  ];
  if (lacking.length === 0) return;
  throw new DisagreementError({
    op: 'pytorch',
    expected: 'the same layers in src/pytorch/cases.ts and scripts/pytorch-layers.py',
    found: `only in one of them: ${lacking.join('; ')}`,
    fix: 'Give both the same names.',
  });
}

/** Every layer in turn on both sides, so that other load on the machine falls on both; the least times of all rounds. */
async function measure(
  cases: ReturnType<typeof layerCases>,
  names: readonly string[],
  rounds: number,
  backend: Backend,
  pytorch: PyTorch | undefined,
  onRound: (done: number) => void,
): Promise<PyTorchRow[]> {
  const found: { layer: string; call: Case; rows: PyTorchRow[] }[] = [];
  for (const layer of names) {
    const call = await cases[layer]();
    await warmUp(call, backend);
    const rows = dtypes
      .filter((dtype) => call[dtype])
      .map((dtype) => ({ layer, dtype, octetMs: Number.POSITIVE_INFINITY, pytorchMs: null }));
    found.push({ layer, call, rows });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { layer, call, rows } of found) {
      for (const row of rows) {
        await breathe();
        row.octetMs = Math.min(row.octetMs, await least(call[row.dtype] as () => Disposable, backend));
      }
      const theirs = await pytorch?.time(layer);
      if (theirs === undefined) continue;
      for (const row of rows) {
        const time = typeof theirs === 'string' ? theirs : (theirs[row.dtype] ?? 'PyTorch has none');
        row.pytorchMs =
          typeof time === 'number' && typeof row.pytorchMs === 'number'
            ? Math.min(row.pytorchMs, time)
            : time;
      }
    }
    onRound(round + 1);
  }
  return found.flatMap(({ rows }) => rows);
}

/** Calls each often enough for the engine to compile the code around kernels: up to 300 times, or for a tenth of a second. */
async function warmUp(call: Case, backend: Backend): Promise<void> {
  for (const dtype of dtypes) {
    const began = performance.now();
    for (let i = 0; call[dtype] && i < 300 && performance.now() - began < 100; i++) {
      noGrad(call[dtype])[Symbol.dispose]();
    }
    await backend.sync?.();
  }
}

/** As `least` of the Python program: of up to five calls, or those of a third of a second. */
async function least(call: () => Disposable, backend: Backend): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  const began = performance.now();
  for (let i = 0; i < 5 && performance.now() - began < 300; i++) {
    const start = performance.now();
    const y = noGrad(call);
    if (backend.sync) await backend.sync();
    best = Math.min(best, performance.now() - start);
    y[Symbol.dispose]();
  }
  return best;
}

export function pytorchTables({ backend, threads, pytorch, rows }: PyTorchReport): TableData[] {
  const onThreads = threads === 1 ? '1 thread' : `${threads} threads`;
  const µs = (ms: number) => (1000 * ms).toFixed(0);
  return [
    {
      columns: [
        { title: `layer · ${backend}, ${onThreads}` },
        { title: 'dtype' },
        right('Octet µs'),
        right(pytorch === null ? 'PyTorch µs' : `PyTorch ${pytorch} µs`),
        right('Octet takes'),
      ],
      rows: rows.map(({ layer, dtype, octetMs, pytorchMs }) => [
        layer,
        dtype,
        µs(octetMs),
        typeof pytorchMs === 'number' ? µs(pytorchMs) : '',
        typeof pytorchMs === 'number' ? `${(octetMs / pytorchMs).toFixed(2)} ×` : '',
      ]),
    },
  ];
}
