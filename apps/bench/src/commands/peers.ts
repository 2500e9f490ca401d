import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defaultQEngine, type QEngine, qEngines } from '@octet/quantization';
import { setBackend } from '@octet/tensor';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { loadBackend } from '../backends';
import { DisagreementError } from '../errors';
import { hostInfo } from '../host';
import { checkNumbers, jsonOption, list, oneOf, threadCount, whole } from '../options';
import { Chromium } from '../peers/chromium';
import { contest } from '../peers/contest';
import { type Platform, platforms } from '../peers/engine';
import { type EngineName, engineNames } from '../peers/engines';
import { writePeerFiles } from '../peers/files';
import { type PeerModelName, peerModelNames, peerModels } from '../peers/models';
import { processes } from '../peers/place';
import { type PeersReport, peerRatios, peerRows, peersTables } from '../peers/results';
import { withProgress } from '../progress';
import { provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable } from '../terminal-table';

interface PeersOptions {
  models: PeerModelName[];
  engines: EngineName[];
  platform: Platform;
  threads: number[];
  rounds: number;
  ms: number;
  qengine: QEngine;
  batch?: number;
  size?: number;
  tflite?: string;
  json?: string;
}

export function peersCommand(): Command {
  const some = <T extends string>(
    flag: string,
    about: string,
    names: readonly T[],
    oldNames?: ReadonlyMap<string, T>,
  ) =>
    new Option(`--${flag} <names>`, `${about}, of ${names.join(', ')}`)
      .default([...names], 'all')
      .argParser(list(oneOf(names, oldNames)));
  return new Command('peers')
    .description(
      'compare with other engines on the same networks, each in a process of its own, or in pages of Chromium',
    )
    .addOption(some('models', 'networks', peerModelNames, new Map([['seed', 'tutorial']])))
    .addOption(some('engines', 'engines', engineNames))
    .addOption(
      new Option(
        '--platform <name>',
        'what engines for the web compute on: in Node, or in Chromium, where those of one thread share a page',
      )
        .choices(platforms)
        .default('wasm'),
    )
    .addOption(
      new Option('--threads <list>', 'threads of each engine, as in 1,2')
        .default([1], '1')
        .argParser(list(threadCount)),
    )
    .addOption(
      new Option(
        '--rounds <n>',
        'how many rounds count, in which all are timed in turn; noisy ones are repeated, twice at most',
      )
        .default(7)
        .argParser(whole({ min: 1 })),
    )
    .addOption(
      new Option('--ms <n>', 'how long each is timed in a round at least, in milliseconds')
        .default(150)
        .argParser(whole({ min: 1 })),
    )
    .addOption(
      new Option('--qengine <name>', 'the recipe for int8; x86 and fbgemm have 7-bit activations')
        .choices(qEngines)
        .default(defaultQEngine),
    )
    .addOption(
      new Option(
        '--batch <n>',
        'images or rows at once (default: tutorial 50, mobilenetv2 and resnet18 1, mlp 256)',
      ).argParser(whole({ min: 1 })),
    )
    .addOption(
      new Option(
        '--size <n>',
        'height and width of images (default: tutorial 64, mobilenetv2 and resnet18 224)',
      ).argParser(whole({ min: 1 })),
    )
    .addOption(
      new Option(
        '--tflite <dir>',
        'a folder of TensorFlow Lite files for LiteRT.js, named as seed_b50_f32.tflite and mbv2_b1_i8f.tflite',
      ),
    )
    .addOption(jsonOption())
    .action(benchPeers);
}

async function benchPeers({
  json,
  models,
  rounds,
  qengine,
  tflite: dir,
  ...options
}: PeersOptions): Promise<void> {
  const tflite = dir === undefined ? undefined : path.resolve(dir);
  for (const model of models) checkNumbers('--batch and --size', peerModels[model].inputShape(options));
  await checkFilePath(json);
  setBackend(await loadBackend('wasm', { threads: 1 }));
  const report: PeersReport = {
    command: 'peers',
    ...provenance(),
    platform: options.platform,
    qengine,
    rounds,
    rows: [],
    ratios: [],
    absent: [],
    host: hostInfo(),
  };
  let chromium: Chromium | undefined;
  const folder = await mkdtemp(path.join(tmpdir(), 'octet-peers-'));
  try {
    if (options.platform === 'browser') {
      chromium = await Chromium.start([folder, ...(tflite === undefined ? [] : [tflite])]);
      report.host.browser = chromium.version;
    }
    const place = chromium ?? processes;
    for (const model of models) {
      const { result } = await withProgress(model, async (onProgress) => {
        const files = await writePeerFiles(model, {
          ...{ folder, qengine, ...options },
          ...(tflite !== undefined && { tflite }),
        });
        return { files, ...(await contest(files, { ...options, place, rounds, onProgress })) };
      });
      const rows = peerRows(result.files, result.contenders, rounds);
      report.rows.push(...rows);
      report.ratios.push(...peerRatios(rows));
      for (const { engine, job, reason } of result.absent) {
        report.absent.push({ model, engine, dtype: job.dtype, threads: job.threads, reason });
      }
    }
  } finally {
    await chromium?.close();
    await rm(folder, { recursive: true, force: true });
  }
  for (const { columns, rows } of peersTables(report)) console.log(`${formatTable(columns, rows)}\n`);
  for (const { model, engine, dtype, threads, reason } of report.absent) {
    const what = `${model} in ${dtype} on ${threads === 1 ? 'one thread' : `${threads} threads`}`;
    console.log(pc.yellow(`${engine} did not run ${what}: ${reason}`));
  }
  if (json !== undefined) await writeJson(json, report);
  checkAgreement(report);
}

/** Below this correlation with Octet in the same dtype an engine has run something else. */
const leastCorrelation = 0.99;

/** @throws DisagreementError unless all engines gave nearly the same outputs */
function checkAgreement({ rows }: PeersReport): void {
  const wrong = rows.filter(
    ({ engine, correlation }) =>
      engine !== 'octet' && correlation !== null && !(correlation >= leastCorrelation),
  );
  if (wrong.length === 0) return;
  throw new DisagreementError({
    op: 'peers',
    expected: `outputs that correlate with Octet's by at least ${leastCorrelation}`,
    found: wrong
      .map(
        ({ model, engine, dtype, correlation }) =>
          `${engine} ${dtype} on ${model}: ${correlation?.toFixed(4)}`,
      )
      .join(', '),
    fix: 'Their times say nothing: not all of them ran the same network.',
  });
}
