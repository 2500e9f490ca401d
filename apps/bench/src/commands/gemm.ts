import type { Backend } from '@octet/backend';
import { manualSeed, noGrad, setBackend } from '@octet/tensor';
import { Command, Option } from 'commander';
import { loadBackend } from '../backends';
import { type GemmSize, gemmCases, type Loop } from '../gemm/cases';
import { type MicroKernel, measureCeiling } from '../gemm/micro-kernels';
import { type Host, hostInfo } from '../host';
import { backendOption, checkNumbers, jsonOption, list, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { type Provenance, provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right, type TableData } from '../terminal-table';
import { median, timeCalls, timeRuns } from '../timing';

interface GemmOptions {
  backend: string;
  threads: number;
  k: number[];
  side: number;
  columns: number;
  size?: number[];
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
  /** What all threads would reach in its inner loop alone, measured on this machine; null for backends without such loops. */
  ceiling: number | null;
}

/** What the JSON file says. */
export interface GemmReport extends Partial<Provenance> {
  command: 'gemm';
  backend: string;
  /** Which of the backend's kernels they are, or which GPU they ran on. */
  variant: string;
  threads: number;
  rows: GemmRow[];
  host: Host;
}

export function gemmCommand(): Command {
  const count = (flag: string, about: string, value: number) =>
    new Option(flag, about).default(value).argParser(whole({ min: 1 }));
  return new Command('gemm')
    .description(
      'time the kernels that multiply matrices, against what their inner loops reach on this machine',
    )
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(
      new Option('--k <list>', 'lengths of the sums')
        .default([64, 288, 1024], '64,288,1024')
        .argParser(list(whole({ min: 1 }))),
    )
    .addOption(count('--side <n>', 'height and width of the images; their pixels are the rows', 32))
    .addOption(count('--columns <n>', 'columns, or output channels', 256))
    .addOption(
      new Option(
        '--size <list>',
        'products of N × N matrices instead (on a GPU: 1024,4096, 128 if it is software)',
      ).argParser(list(whole({ min: 1 }))),
    )
    .addOption(count('--ms <n>', 'how long each is timed at least, in milliseconds', 200))
    .addOption(jsonOption())
    .action(benchGemm);
}

const minRuns = 5;

async function benchGemm({ json, threads, ...options }: GemmOptions): Promise<void> {
  for (const { rows, k, columns } of sizesOf(options)) {
    checkNumbers('--size, --k, --side and --columns', [rows, k]);
    checkNumbers('--size, --k, --side and --columns', [k, columns]);
    checkNumbers('--size, --k, --side and --columns', [rows, columns]);
  }
  await checkFilePath(json);
  const backend = await loadBackend(options.backend, { threads });
  setBackend(backend);
  manualSeed(0);
  const { variant, adapter, dot } = backend.info?.() ?? {};
  const report: GemmReport = {
    command: 'gemm',
    ...provenance(),
    backend: backend.name,
    variant: String(variant ?? adapter ?? ''),
    threads,
    rows: [],
    host: hostInfo(),
  };
  const jobs = jobsOf(backend, options);
  const ceilings = new Map<MicroKernel, number | null>();
  for (const { one } of jobs) {
    const loop = microKernelOf(one.loop, variant, dot);
    if (loop && !ceilings.has(loop)) ceilings.set(loop, measureCeiling(loop));
  }
  await withProgress('Timing', async (progress) => {
    for (const [done, { one, size }] of jobs.entries()) {
      progress(done, jobs.length, one.kernel);
      const run = await one.prepare(size);
      const call = () => noGrad(run).dispose();
      const [first] = await timeRuns(call, { runs: 1, warmup: 2, backend });
      const times = await timeCalls(call, {
        runs: Math.max(minRuns, Math.ceil(options.ms / first)),
        backend,
      });
      const medianMs = median(times);
      const loop = microKernelOf(one.loop, variant, dot);
      const ceiling = (loop && ceilings.get(loop)) ?? null;
      report.rows.push({
        kernel: one.kernel,
        input: one.input,
        ...size,
        medianMs,
        minMs: Math.min(...times),
        gmacs: one.macs(size) / medianMs / 1e6,
        ceiling: ceiling === null ? null : ceiling * threads,
      });
    }
    progress(jobs.length, jobs.length);
  });
  for (const { columns: titles, rows: lines } of gemmTables(report)) console.log(formatTable(titles, lines));
  if (json !== undefined) await writeJson(json, report);
}

type Sizes = Pick<GemmOptions, 'size' | 'k' | 'side' | 'columns'>;

function sizesOf({ size, k, side, columns }: Sizes): GemmSize[] {
  return size
    ? size.map((n) => ({ rows: n, k: n, columns: n }))
    : k.map((k) => ({ rows: side ** 2, k, columns }));
}

/** What to time, at which sizes. */
function jobsOf(backend: Backend, options: Sizes) {
  const { size } = options;
  const { adapter, software } = backend.info?.() ?? {};
  const cubes = size ?? (adapter ? (software ? [128] : [1024, 4096]) : undefined);
  const sizes = sizesOf({ ...options, ...(cubes && { size: cubes }) });
  const cases = cubes ? gemmCases.filter(({ loop }) => loop !== 'depthwise') : gemmCases;
  return sizes.flatMap((size) => cases.map((one) => ({ one, size })));
}

/** The bare loop of a kernel's products on the wasm-simd backend; null of other kernels and backends. */
export function microKernelOf(loop: Loop, variant: unknown, dot: unknown): MicroKernel | null {
  if (loop === 'depthwise' || !(variant === 'relaxed simd' || variant === 'simd')) return null;
  if (loop === 'float32') return variant === 'simd' ? 'float' : 'float fma';
  if (dot === 'unsigned' || dot === 'signed') return 'one instruction';
  return loop === '7-bit' && dot === 'seven' ? 'seven' : 'exact';
}

/** Without ceilings, as on a GPU: 10¹² operations a second, two a multiplication, be they of integers or of floats. */
export function gemmTables({ variant, rows }: GemmReport): TableData[] {
  const hasCeilings = rows.some(({ ceiling }) => ceiling !== null);
  return [
    {
      columns: [
        { title: hasCeilings || !variant ? 'kernel' : `kernel · ${variant}` },
        { title: 'input' },
        right('rows'),
        right('k'),
        right('columns'),
        right('median ms'),
        right('GMAC/s'),
        ...(hasCeilings ? [right('ceiling'), right('of it')] : [right('TOP/s or TFLOP/s')]),
      ],
      rows: rows.map((row) => [
        row.kernel,
        row.input,
        String(row.rows),
        String(row.k),
        String(row.columns),
        row.medianMs.toFixed(3),
        row.gmacs.toFixed(1),
        ...(hasCeilings
          ? [
              row.ceiling?.toFixed(1) ?? '',
              row.ceiling ? `${Math.round((100 * row.gmacs) / row.ceiling)} %` : '',
            ]
          : [((2 * row.gmacs) / 1000).toPrecision(3)]),
      ]),
    },
  ];
}
