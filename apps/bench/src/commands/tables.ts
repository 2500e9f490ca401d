import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '@octet/cli/errors';
import { page } from '@octet/report';
import { Command } from 'commander';
import type { CompareReport } from '../compare/report';
import { hostText, latencyTable, layersTable } from '../compare/summary';
import { element, htmlTable } from '../html';
import { fillPlace, markdownTable, placesIn } from '../markdown';
import { type PeersReport, peersTables } from '../peers/results';
import { checkFilePath, writeText } from '../result-file';
import type { TableData } from '../terminal-table';
import { type ColdReport, coldTables } from './cold';
import { type GemmReport, gemmTables } from './gemm';
import { type LayersReport, layersTables } from './layers';
import { type OnnxReport, onnxSummaries } from './onnx';
import { type PyTorchReport, pytorchTables } from './pytorch';
import { type RecurrentReport, recurrentTables } from './recurrent';
import { type TrainReport, trainTables } from './train';

type Report =
  | CompareReport
  | PeersReport
  | LayersReport
  | TrainReport
  | GemmReport
  | OnnxReport
  | PyTorchReport
  | RecurrentReport
  | ColdReport;

/** One line a command whose results can be shown again. */
const tablesOf: { [C in Report['command']]: (report: Extract<Report, { command: C }>) => TableData[] } = {
  compare: (report) => [latencyTable(report), layersTable(report)],
  peers: peersTables,
  layers: layersTables,
  train: trainTables,
  gemm: gemmTables,
  onnx: onnxSummaries,
  pytorch: pytorchTables,
  recurrent: recurrentTables,
  cold: coldTables,
};

export function tablesCommand(): Command {
  return new Command('tables')
    .description('show the JSON files of other commands as Markdown, or as a page')
    .argument('<files...>', `of ${Object.keys(tablesOf).join(', ')}`)
    .option(
      '--into <document>',
      'put each in its place: between <!-- bench NAME --> and <!-- /bench -->, where NAME.json is the file',
    )
    .option('--html <file>', 'write all of them into one page, not to the terminal')
    .action(tables);
}

interface Options {
  into?: string;
  html?: string;
}

async function tables(files: readonly string[], { into, html }: Options): Promise<void> {
  await checkFilePath(html, '--html');
  await checkFilePath(into, '--into');
  const reports: [name: string, report: Report][] = [];
  for (const file of files) reports.push([path.basename(file, '.json'), await readReport(file)]);
  if (html !== undefined) await writeText(html, pageOf(reports));
  const texts = reports.map(([name, report]) => [name, markdownOf(report)]);
  if (into === undefined) {
    if (html === undefined) console.log(texts.map(([, text]) => text).join('\n\n'));
    return;
  }
  let document = await readFile(into, 'utf8');
  const places = placesIn(document);
  for (const [name, text] of texts) {
    if (!places.includes(name)) {
      throw new UsageError({
        op: '--into',
        expected: `a place for '${name}' in ${into}`,
        found: places.length > 0 ? `places for ${places.join(', ')}` : 'no places',
        fix: `Add <!-- bench ${name} --> and <!-- /bench -->, or rename the file.`,
      });
    }
    document = fillPlace(document, name, text);
  }
  await writeText(into, document);
}

/** @throws UsageError unless it is the JSON file of a command */
async function readReport(file: string): Promise<Report> {
  const wrong = (found: string, cause?: unknown) =>
    new UsageError(
      {
        op: 'tables',
        expected: `a JSON file of ${Object.keys(tablesOf).join(', ')}`,
        found: `${file}: ${found}`,
        fix: 'Make one with --json.',
      },
      { cause },
    );
  const message = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
  let value: Partial<Report>;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw wrong(message(cause), cause);
  }
  if (!Object.hasOwn(tablesOf, value?.command ?? ''))
    throw wrong(value?.command ? `that of ${value.command}` : 'something else');
  try {
    markdownOf(value as Report);
  } catch (cause) {
    throw wrong(`that of ${value.command}, but not whole (${message(cause)})`, cause);
  }
  return value as Report;
}

function markdownOf(value: Report): string {
  return [...tablesIn(value).map(markdownTable), hostText(value)].join('\n\n');
}

function pageOf(reports: readonly [name: string, report: Report][]): string {
  const title = 'Octet bench';
  const sections = reports.flatMap(([name, report]) => [
    element('h2', name),
    ...tablesIn(report).map((table) => htmlTable(table, name)),
    element('p', hostText(report), 'muted'),
  ]);
  return page(title, ['<main>', element('h1', title), ...sections, '</main>']);
}

function tablesIn(report: Report): TableData[] {
  return (tablesOf[report.command] as (report: Report) => TableData[])(report);
}
