import { stat } from 'node:fs/promises';
import { type Analysis, analyze, renderReport, type SensitivityReport, sensitivity } from '@octet/inspect';
import type { Module } from '@octet/nn';
import { convert, getDefaultQConfigMapping, prepare, type QEngine } from '@octet/quantization';
import { noGrad, setBackend } from '@octet/tensor';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { loadBackend } from '../backends';
import { UsageError } from '../errors';
import { formatBytes } from '../format';
import { hostInfo } from '../host';
import { subject } from '../inspect/subjects';
import { breathe } from '../interrupt';
import { type ModelName, models } from '../models';
import { backendOption, jsonOption, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { checkFilePath, writeJson, writeText } from '../result-file';

interface ReportOptions {
  model: ModelName;
  backend: string;
  threads: number;
  qengine: QEngine;
  checkpoint?: string;
  images?: number;
  size?: number;
  seed: number;
  sensitivity: boolean;
  html?: string;
  json?: string;
}

const engines: readonly QEngine[] = ['qnnpack', 'x86', 'fbgemm'];

export function reportCommand(): Command {
  return new Command('report')
    .description('quantize a model, and write a page on where it loses accuracy and what to do')
    .addOption(new Option('--model <name>', 'the model').choices(Object.keys(models)).makeOptionMandatory())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(new Option('--qengine <name>', 'the recipe').choices(engines).default('qnnpack'))
    .addOption(
      new Option(
        '--checkpoint <file>',
        'the float weights (default: digits are trained, others get random weights)',
      ),
    )
    .addOption(
      new Option('--images <n>', 'what to compare on (default: 500 digits, 4 others)').argParser(
        whole({ min: 1, max: 2000 }),
      ),
    )
    .addOption(
      new Option('--size <n>', 'height and width of random images (default: as the model is used)').argParser(
        whole({ min: 1 }),
      ),
    )
    .addOption(new Option('--seed <n>', 'of split, weights and order').default(0).argParser(whole()))
    .addOption(new Option('--no-sensitivity', 'leave out what takes longest: each layer in int8 by itself'))
    .addOption(new Option('--html <file>', 'the page (default: results/report-MODEL.html)'))
    .addOption(jsonOption())
    .action(benchReport);
}

async function benchReport({
  model: name,
  html = `results/report-${name}.html`,
  json,
  ...options
}: ReportOptions): Promise<void> {
  await checkFilePath(html, '--html');
  await checkFilePath(json);
  await checkCheckpoint(options.checkpoint);
  const backend = await loadBackend(options.backend, options);
  setBackend(backend);
  const images = options.images ?? (name === 'digits' ? 500 : 4);
  const { float, from, calibration, data, metric } = await subject(name, { ...options, images });
  const mapping = getDefaultQConfigMapping(options.qengine);
  const prepared = prepare(float, mapping);
  for (const x of calibration) {
    await breathe();
    noGrad(() => prepared.call(x));
  }
  const int8 = await convert(prepared);

  const { result: analysis } = await withProgress('Analyzing  ', (report) =>
    analyze<Module>(float, int8, breathing(data), {
      ...(metric && { metric, metricName: 'accuracy' }),
      onProgress: (inputs) => report(inputs, data.length),
    }),
  );
  let ranking: SensitivityReport | undefined;
  if (options.sensitivity) {
    const { result } = await withProgress('Sensitivity', (report) =>
      // By the output: how many digits are right changes in too large steps.
      sensitivity<Module>(float, calibration, undefined, {
        mapping,
        recover: 0.5,
        onProgress: (done, total, path) => report(done, total, path),
      }),
    );
    const { model: _, mapping: __, ...figures } = result;
    ranking = figures;
  }

  const page = await renderReport(analysis, {
    title: `${name} in int8: ${options.qengine}, ${from}`,
    ...(ranking && { sensitivity: ranking }),
  });
  await writeText(html, page);
  console.log(summary(analysis));
  console.log(pc.dim(`${html}, ${formatBytes(Buffer.byteLength(page))}`));
  if (json === undefined) return;
  await writeJson(json, {
    command: 'report',
    backend: backend.name,
    model: name,
    qengine: options.qengine,
    seed: options.seed,
    images,
    analysis,
    sensitivity: ranking ?? null,
    host: hostInfo(),
  });
}

async function* breathing<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) {
    await breathe();
    yield value;
  }
}

function summary({ output, metric, findings }: Analysis): string {
  const figures = [
    ...(metric ? [`${metric.name} ${metric.float} in float, ${metric.int8} in int8`] : []),
    `signal to noise ${output.sqnrDb?.toFixed(1) ?? 'without end'} dB`,
  ];
  const [worst] = findings;
  return [
    figures.join(' · '),
    '',
    ...findings.map(({ what }) => `- ${what}`),
    ...(worst
      ? ['', `Try, the likeliest first:`, ...worst.advice.map((text, i) => `${i + 1}. ${text}`)]
      : []),
  ].join('\n');
}

/** @throws UsageError for a file that isn't there */
async function checkCheckpoint(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile()) return;
  throw new UsageError({
    op: '--checkpoint',
    expected: 'a safetensors file',
    found: `${file}, which can't be read`,
    fix: 'pnpm bench digits writes checkpoints/digits-fp32.safetensors.',
  });
}
