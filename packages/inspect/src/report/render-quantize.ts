import { checkOptions } from '@octet/backend';
import { escaped, page, table } from '@octet/report';
import { version } from '../../package.json';
import type { LayerCost } from '../quantize/layer-costs';
import type { QuantizeReport } from '../quantize/report';
import { fineDb } from '../verdict';

export interface RenderQuantizeReportOptions {
  /** The page's title; 'int8 report'. */
  title?: string;
  /** When it was made; now. */
  date?: Date;
  /** What made the model, for readers to copy: a command, or a program. */
  code?: string;
}

/**
 * What `quantize` found, as one page of HTML that needs nothing else: whether the model will do first, what the cures gained, then what
 * runs in int8 and what in float, and why. Light and dark, on phones and in print.
 *
 * @throws ArgumentError for an option that isn't there
 */
export function renderQuantizeReport(report: QuantizeReport, options?: RenderQuantizeReportOptions): string {
  const checked = checkOptions('renderQuantizeReport', options, 'title date code');
  const { title = 'int8 report', date = new Date(), code } = checked;
  const { calibration, choice, judgement } = report.inputs;
  return page(title, [
    `<header><h1>${escaped(title)}</h1><p class="muted">${count(calibration)} inputs for calibration, ${count(choice)} for the choice of cures, ${count(judgement)} for the figures${report.judgedOnOwn ? ', which are of inputs that chose something' : ''}.${report.refitted ? ' The model was made once more, of all inputs: the figures are of one that was made of the first.' : ''}${statesText(report)} ${report.seconds.toFixed(0)} s. Octet ${version}, ${date.toISOString().slice(0, 10)}.</p></header>`,
    '<main>',
    verdict(report),
    tiles(report),
    outputsTable(report),
    cures(report),
    layers(report),
    code === undefined ? '' : `<section><h2>How it was made</h2><pre>${escaped(code)}</pre></section>`,
    glossary,
    '</main>',
  ]);
}

function statesText({ states }: QuantizeReport): string {
  if (states.length === 0) return '';
  const pairs = states.map(([input, output]) => `${escaped(output)} → ${escaped(input)}`).join(', ');
  return ` The figures are of a model that runs freely: ${pairs}.`;
}

const count = (value: number) => value.toLocaleString('en-US');
const db = (value: number | null) => (value === null ? 'exact' : `${value.toFixed(1)} dB`);
const percent = (part: number) => `${Number((100 * part).toPrecision(3))} %`;
const cell = (text: string) => `<td class="text wrap">${escaped(text)}</td>`;

/** The least of the outputs; null if all are exact. */
function least(values: QuantizeReport['after']): number | null {
  const noisy = values.filter((value) => value !== null);
  return noisy.length > 0 ? Math.min(...noisy) : null;
}

function verdict(report: QuantizeReport): string {
  const { warnings, target, reached } = report;
  const worst = least(report.after);
  const kind = warnings.length > 0 ? 'mend' : 'fine';
  const noise =
    worst === null ? 'The outputs are exactly those in float.' : `The worst output has ${db(worst)}.`;
  const what =
    target !== null && reached
      ? 'The target is reached.'
      : worst === null || worst >= fineDb
        ? 'The int8 model is close to the float model.'
        : 'The int8 model is further from the float model than most can bear.';
  const list = warnings.map((text) => `<li>${escaped(text)}</li>`).join('');
  return `<section class="verdict ${kind}"><h2>${warnings.length > 0 ? escaped(warnings[0]) : what}</h2><p>${noise}</p>${warnings.length > 1 ? `<ul>${list}</ul>` : ''}</section>`;
}

function tiles({ bytes, ms, metric, layers, after, before }: QuantizeReport): string {
  const weights = layers.reduce((sum, layer) => sum + layer.weights, 0);
  const int8 = layers.reduce((sum, layer) => sum + (layer.runs === 'int8' ? layer.weights : 0), 0);
  const tile = (value: string, label: string) =>
    `<div class="tile"><b>${escaped(value)}</b><span>${escaped(label)}</span></div>`;
  const kB = (value: number) => count(Math.round(value / 1000));
  return `<section class="tiles">${[
    metric ? tile(`${metric.float} → ${metric.int8}`, `${metric.name}, float → int8`) : '',
    tile(`${db(least(before))} → ${db(least(after))}`, 'worst output, the recipe alone → with cures'),
    tile(
      `${kB(bytes.float)} → ${kB(bytes.int8)} (${percent(bytes.int8 / bytes.float)})`,
      'weights, kB, float → int8',
    ),
    tile(
      `${ms.float.toFixed(2)} → ${ms.int8.toFixed(2)} (${(ms.float / ms.int8).toFixed(2)} ×)`,
      'ms a call here, float → int8',
    ),
    weights > 0 ? tile(percent(int8 / weights), 'of the weights in int8') : '',
  ].join('')}</section>`;
}

function outputsTable({ outputs, before, after }: QuantizeReport): string {
  const rows = outputs.map((name, i) => [
    cell(name),
    db(before[i]),
    (after[i] ?? Number.POSITIVE_INFINITY) < fineDb ? `<td class="bad">${db(after[i])}</td>` : db(after[i]),
  ]);
  return `<section><h2>Outputs</h2>${table('Outputs', ['<th class="text">output</th>', 'the recipe alone', 'in the end'], rows)}</section>`;
}

function cures({ cures: trials }: QuantizeReport): string {
  if (trials.length === 0) return '';
  const rows = trials.map(({ cure, gainDb, kept, what, seconds }) => [
    cell(cure),
    gainDb === null ? '–' : `${gainDb >= 0 ? '+' : ''}${gainDb.toFixed(1)} dB`,
    kept ? 'kept' : 'not kept',
    `${seconds.toFixed(1)} s`,
    cell(what),
  ]);
  return `<section><h2>Cures, in the order in which they were tried</h2>${table('Cures', ['<th class="text">cure</th>', 'gained', '', 'took', '<th class="text">what it did</th>'], rows)}<p class="muted">Each on top of those that were kept; the gain is the mean over the outputs, on the inputs of the choice.</p></section>`;
}

/** Why a layer isn't all integers. */
function whyFloat({ dynamic, weightOnly }: QuantizeReport, { path, reason }: LayerCost): string {
  if (dynamic.includes(path)) return 'int8 weights; its inputs are quantized at every call';
  return weightOnly.includes(path) ? 'int8 weights, products of floats' : String(reason ?? '');
}

function layers(report: QuantizeReport): string {
  const lines = [...report.layers]
    .sort((a, b) => Number(a.runs === 'int8') - Number(b.runs === 'int8'))
    .map((row) => [
      cell(row.path),
      cell(row.type),
      row.weights > 0 ? count(row.weights) : '',
      row.runs,
      cell(row.runs === 'int8' ? '' : whyFloat(report, row)),
    ]);
  return `<section><h2>What runs in int8, and what in float</h2>${table('Layers', ['<th class="text">layer or function</th>', '<th class="text">type</th>', 'weights', 'runs in', '<th class="text">why</th>'], lines)}</section>`;
}

const glossary = `<section><h2>What the figures mean</h2>
<p><b>dB</b>: signal to quantization noise of an output, 10 · log10(Σ float² / Σ (float − int8)²). 6 dB are one bit; 30 dB are a noise of 3 % of the signal.</p></section>`;
