import { manualSeed, noGrad, setBackend } from '@octet/tensor';
import { Command, Option } from 'commander';
import { loadBackend } from '../backends';
import { type GemmSize, gemmCases, type Loop } from '../gemm/cases';
import { type Host, hostInfo } from '../host';
import { checkJsonPath, writeJson } from '../json-file';
import { backendOption, jsonOption, list, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { formatTable, right, type TableData } from '../table';
import { median, timeRuns } from '../timing';

/**
 * What one thread reaches in the inner loop alone, in 10⁹ multiplications a second: bare kernels of K = 288, measured on
 * an AMD Zen 4 at Node 24. Without relaxed SIMD float multiplies and adds in two steps, and 7-bit inputs gain nothing.
 */
const ceilings: Record<'relaxed simd' | 'simd', Partial<Record<Loop, number>>> = {
  'relaxed simd': { float32: 28.9, int8: 45, '7-bit': 57 },
  simd: { float32: 23.7, int8: 45, '7-bit': 45 },
};

interface GemmOptions {
  backend: string;
  threads: number;
  k: number[];
  side: number;
  columns: number;
  ms: number;
  json?: string;
}

interface GemmRow extends GemmSize {
  kernel: string;
  input: string;
  medianMs: number;
  minMs: number;
  /** 10⁹ multiplications a second, by the median. */
  gmacs: number;
  /** Of all threads; null where none was measured. */
  ceiling: number | null;
}

/** What the JSON file says. */
export interface GemmReport {
  command: 'gemm';
  backend: string;
  variant: string;
  threads: number;
  rows: GemmRow[];
  host: Host;
}

export function gemmCommand(): Command {
  const count = (flag: string, about: string, value: number) =>
    new Option(flag, about).default(value).argParser(whole({ min: 1 }));
  return new Command('gemm')
    .description('time the kernels that multiply matrices, against what their inner loops reach')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(
      new Option('--k <list>', 'lengths of the sums')
        .default([64, 288, 1024], '64,288,1024')
        .argParser(list(whole({ min: 1 }))),
    )
    .addOption(count('--side <n>', 'height and width of the images; their pixels are the rows', 32))
    .addOption(count('--columns <n>', 'columns, or output channels', 256))
    .addOption(count('--ms <n>', 'how long each is timed at least, in milliseconds', 200))
    .addOption(jsonOption())
    .action(benchGemm);
}

const minRuns = 5;

async function benchGemm({ json, k: sizes, side, columns, threads, ...options }: GemmOptions): Promise<void> {
  await checkJsonPath(json);
  const backend = await loadBackend(options.backend, { threads });
  setBackend(backend);
  manualSeed(0);
  const { variant } = backend.info?.() ?? {};
  const report: GemmReport = {
    command: 'gemm',
    backend: backend.name,
    variant: String(variant ?? ''),
    threads,
    rows: [],
    host: hostInfo(),
  };
  const jobs = sizes.flatMap((k) => gemmCases.map((one) => ({ one, size: { rows: side ** 2, k, columns } })));
  await withProgress('Timing', async (progress) => {
    for (const [done, { one, size }] of jobs.entries()) {
      progress(done, jobs.length, one.kernel);
      const run = await one.prepare(size);
      const call = () => noGrad(run);
      const [first] = await timeRuns(call, { runs: 1, warmup: 2, backend });
      const times = await timeRuns(call, { runs: Math.max(minRuns, Math.ceil(options.ms / first)), backend });
      const medianMs = median(times);
      const ceiling = isVariant(variant) ? ceilings[variant][one.loop] : undefined;
      report.rows.push({
        kernel: one.kernel,
        input: one.input,
        ...size,
        medianMs,
        minMs: Math.min(...times),
        gmacs: one.macs(size) / medianMs / 1e6,
        ceiling: ceiling === undefined ? null : ceiling * threads,
      });
    }
    progress(jobs.length, jobs.length);
  });
  for (const { columns: titles, rows: lines } of gemmTables(report)) console.log(formatTable(titles, lines));
  if (json !== undefined) await writeJson(json, report);
}

function isVariant(variant: unknown): variant is keyof typeof ceilings {
  return typeof variant === 'string' && Object.hasOwn(ceilings, variant);
}

export function gemmTables({ rows }: GemmReport): TableData[] {
  return [
    {
      columns: [
        { title: 'kernel' },
        { title: 'input' },
        right('rows'),
        right('k'),
        right('columns'),
        right('median ms'),
        right('GMAC/s'),
        right('ceiling'),
        right('of it'),
      ],
      rows: rows.map((row) => [
        row.kernel,
        row.input,
        String(row.rows),
        String(row.k),
        String(row.columns),
        row.medianMs.toFixed(3),
        row.gmacs.toFixed(1),
        row.ceiling?.toFixed(1) ?? '',
        row.ceiling ? `${Math.round((100 * row.gmacs) / row.ceiling)} %` : '',
      ]),
    },
  ];
}
