import { UsageError } from '@octet/cli/errors';
import { breathe } from '@octet/cli/interrupt';
import {
  type Analysis,
  analyze,
  inFloatText,
  type RemedyTrials,
  renderReport,
  type SensitivityReport,
  sensitivity,
  trialRows,
  trialsText,
  tryRemedies,
} from '@octet/inspect';
import type { Module } from '@octet/nn';
import {
  convert,
  defaultQEngine,
  getDefaultQConfigMapping,
  prepare,
  type QEngine,
  qEngines,
} from '@octet/quantization';
import { noGrad, setBackend } from '@octet/tensor';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { loadBackend } from '../backends';
import { checkCheckpoint } from '../checkpoint';
import { formatBytes } from '../format';
import { hostInfo } from '../host';
import { subject } from '../inspect/subjects';
import { type ModelName, models } from '../models';
import { backendOption, checkNumbers, jsonOption, modelOption, threadsOption, whole } from '../options';
import { type Report, withProgress } from '../progress';
import { provenance } from '../provenance';
import { checkFilePath, writeJson, writeText } from '../result-file';
import { formatTable, right } from '../terminal-table';

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
  try: boolean;
  html?: string;
  json?: string;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('quantize a model, and write a page on where it loses accuracy and what to do')
    .addOption(modelOption().makeOptionMandatory())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(new Option('--qengine <name>', 'the recipe').choices(qEngines).default(defaultQEngine))
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
    .addOption(
      new Option('--try', 'try the remedies too, and say what each gained: some minutes').default(false),
    )
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
  await checkCheckpoint(options.checkpoint, 'digits-fp32');
  const images = options.images ?? (name === 'digits' ? 500 : 4);
  const { channels, size } = models[name];
  const side = name === 'digits' ? size : (options.size ?? size);
  checkNumbers('--images and --size', [images, channels, side, side]);
  if (options.try) checkTrained(name, options.checkpoint);
  const backend = await loadBackend(options.backend, options);
  setBackend(backend);
  const { float, from, random, calibration, data, metric } = await subject(name, { ...options, images });
  const mapping = getDefaultQConfigMapping(options.qengine);
  const prepared = prepare(float, mapping);
  for (const x of calibration) {
    await breathe();
    noGrad(() => prepared.call(x));
  }
  const int8 = await convert(prepared);

  const judged = metric && { metric, metricName: 'accuracy' };
  let ranking: SensitivityReport | undefined;
  if (options.sensitivity) {
    const { result } = await withProgress('Sensitivity', (report) =>
      // By the output: how many digits are right changes in too large steps.
      sensitivity<Module>(float, calibration, undefined, {
        mapping,
        recover: 0.5,
        onProgress: breathingProgress(report),
      }),
    );
    const { model: _, mapping: __, ...figures } = result;
    ranking = figures;
  }
  const { result: analysis } = await withProgress('Analyzing  ', (report) =>
    analyze<Module>(float, int8, breathing(data), {
      ...judged,
      ...(ranking && { sensitivity: ranking }),
      ...(random && { random }),
      onProgress: (inputs) => report(inputs, data.length),
    }),
  );
  let trials: RemedyTrials | undefined;
  if (options.try) {
    const { result } = await withProgress('Remedies   ', (report) =>
      tryRemedies<Module>(float, calibration, data, {
        mapping,
        ...judged,
        ...(ranking && { sensitivity: ranking }),
        adaround: { iterations: adaroundSteps },
        onProgress: breathingProgress(report),
      }),
    );
    trials = result;
  }

  const made = provenance();
  const page = await renderReport(analysis, {
    title: `${name} in int8: ${options.qengine}, ${from}`,
    date: new Date(made.date),
    ...(ranking && { sensitivity: ranking }),
    ...(trials && { remedies: trials }),
  });
  await writeText(html, page);
  console.log(summary(analysis, trials));
  console.log(pc.dim(`\n${html}, ${formatBytes(Buffer.byteLength(page))}`));
  if (json === undefined) return;
  await writeJson(json, {
    command: 'report',
    ...made,
    backend: backend.name,
    model: name,
    qengine: options.qengine,
    seed: options.seed,
    images,
    analysis,
    sensitivity: ranking ?? null,
    remedies: trials ?? null,
    host: hostInfo(),
  });
}

/** A fifth of the usual: on networks of this size the rest gains little. */
const adaroundSteps = 200;

/** Hands progress on, and lets Ctrl-C through. */
function breathingProgress(report: Report): Report<Promise<void>> {
  return async (...step) => {
    report(...step);
    await breathe();
  };
}

async function* breathing<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) {
    await breathe();
    yield value;
  }
}

/** The verdict first; advice only where there is some, and what was tried with what it gained. */
function summary({ verdict, findings }: Analysis, trials: RemedyTrials | undefined): string {
  const colour = { fine: pc.green, mend: pc.red, wrong: pc.red, unlearned: pc.yellow, random: pc.yellow };
  const parts = [`${colour[verdict.kind](verdict.what)}\n${verdict.why}`];
  if (trials) parts.push(`${trialsText(trials)}\n\n${trialsTable(trials)}`);
  if (findings.length > 0) parts.push(findings.map(({ what, why }) => `- ${what}\n  ${why}`).join('\n'));
  const advice = findings.find((found) => found.advice.length > 0)?.advice;
  if (advice && verdict.kind !== 'fine' && !trials) {
    parts.push(
      `Not tried on this model (--try does):\n${advice.map((text, i) => `${i + 1}. ${text}`).join('\n')}`,
    );
  }
  return parts.join('\n\n');
}

function trialsTable(trials: RemedyTrials): string {
  const { columns, rows } = trialRows(trials);
  const applied = rows.filter(({ reason }) => reason === null);
  const plain = (text: string) => text.replaceAll('`', '');
  const left = inFloatText(trials);
  return [
    formatTable(
      [{ title: 'remedy' }, ...columns.map(right)],
      applied.map(({ name, cells }) => [plain(name), ...cells]),
    ),
    ...(left ? [plain(left)] : []),
    ...rows.flatMap(({ name, reason }) =>
      reason === null ? [] : [`${plain(name)}: not applied: ${reason}`],
    ),
  ].join('\n');
}

/** @throws UsageError for random weights, of which remedies would say nothing */
function checkTrained(model: ModelName, checkpoint: string | undefined): void {
  if (model === 'digits') return;
  throw new UsageError({
    op: '--try',
    expected: 'a trained network and real data',
    found: checkpoint === undefined ? `random weights and random images for ${model}` : 'random images',
    fix: 'Use --model digits; for a network of your own, tryRemedies of @octet/inspect.',
  });
}
