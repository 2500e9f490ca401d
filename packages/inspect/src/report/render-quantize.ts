import { checkOptions } from '@octet/backend';
import { barsChart, type Point as ChartPoint, escaped, page, pointsChart, table } from '@octet/report';
import { version } from '../../package.json';
import type { LayerCost } from '../quantize/layer-costs';
import { partOfFloat, type QuantizeReport } from '../quantize/report';
import type { Point } from '../quantize/search';
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
 * What `quantize` found, as one page of HTML that needs nothing else: whether the model will do, accuracy against size and time, what each layer
 * costs, what the cures gained, and the program that makes the model. Light and dark, on phones and in print.
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
    picture(report),
    layers(report),
    cures(report),
    outputsTable(report),
    howMade(report, code),
    layerTable(report),
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
/** Less is not told apart. */
const LEAST_PART = 1e-4;
const percent = (part: number) =>
  part < LEAST_PART ? `< ${100 * LEAST_PART} %` : `${Number((100 * part).toPrecision(3))} %`;
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
  const list = warnings
    .slice(1)
    .map((text) => `<li>${escaped(text)}</li>`)
    .join('');
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
      `${kB(bytes.float)} → ${kB(bytes.int8)} (${percent(partOfFloat(bytes))})`,
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

/** A model that was tried: its number in the picture and in the table of cures, and how good it is. */
interface Tried {
  readonly number: string;
  readonly point: Point | null;
  readonly kind: ChartPoint['kind'];
}

/** The recipe alone, and each cure; the last that was kept is what was chosen, with the size and the time of what is given. */
function tried({ recipe, cures: trials, bytes, ms }: QuantizeReport): Tried[] {
  const all = [{ point: recipe, kept: true }, ...trials];
  const chosen = all.map(({ kept }) => kept).lastIndexOf(true);
  return all.map(({ point, kept }, i) => ({
    number: String(i + 1),
    point: point && i === chosen ? { ...point, bytes: bytes.int8, ms: ms.int8 } : point,
    kind: i === chosen ? 'chosen' : kept ? 'kept' : 'other',
  }));
}

function picture(report: QuantizeReport): string {
  const { bytes, ms, target, metric } = report;
  const points = tried(report).flatMap(({ number, point, kind }) =>
    point?.db == null ? [] : [{ ...point, y: point.db, label: number, kind }],
  );
  if (points.length === 0) return '';
  const level = target === null || metric ? undefined : { y: target, label: `target, ${target} dB` };
  const chart = (what: string, unit: string, x: (p: Point) => number, float: number) =>
    `<figure>${pointsChart(
      points.map((p) => ({ ...p, x: x(p) })),
      { label: `Accuracy against ${what}`, unit: [unit, 'dB'], mark: { x: float, label: 'float' }, level },
    )}<figcaption>Against ${what}.</figcaption></figure>`;
  const key = [
    ...['<b>1</b> the recipe alone'],
    ...report.cures.map(
      ({ cure, kept }, i) => `<b>${i + 2}</b> ${escaped(cure)}${kept ? '' : ' (not kept)'}`,
    ),
  ].join(' · ');
  return `<section><h2>Accuracy against size and time</h2><div class="pair">${chart('size', 'kB of weights', (p) => p.bytes / 1000, bytes.float / 1000)}${chart('time', 'ms a call here', (p) => p.ms, ms.float)}</div><p class="muted">The worst output, on the inputs that chose nothing; up and to the left is better. The large dot was chosen, hollow ones weren’t kept. ${key}.</p></section>`;
}

function cures(report: QuantizeReport): string {
  const { cures: trials } = report;
  if (trials.length === 0) return '';
  const pointCells = (point: Point | null) =>
    point ? [db(point.db), count(Math.round(point.bytes / 1000)), point.ms.toFixed(2)] : ['–', '–', '–'];
  const [recipe, ...others] = tried(report);
  const rows = [
    [recipe.number, cell('the recipe alone'), '', '', ...pointCells(recipe.point), '', cell('')],
    ...trials.map(({ cure, gainDb, kept, what, seconds }, i) => [
      others[i].number,
      cell(cure),
      gainDb === null ? '–' : `${gainDb >= 0 ? '+' : ''}${gainDb.toFixed(1)} dB`,
      kept ? 'kept' : 'not kept',
      ...pointCells(others[i].point),
      `${seconds.toFixed(1)} s`,
      cell(what),
    ]),
  ];
  return `<section><h2>Cures, in the order in which they were tried</h2>${table('Cures', ['', '<th class="text">cure</th>', 'gained', '', 'worst output', 'kB', 'ms', 'took', '<th class="text">what it did</th>'], rows)}<p class="muted">Each on top of those that were kept. The gain is on the inputs of the choice, the mean over the outputs; the worst output is on those that chose nothing.</p></section>`;
}

/** Why a layer isn't all integers. */
function whyFloat({ dynamic, weightOnly, int4 }: QuantizeReport, { path, reason }: LayerCost): string {
  if (dynamic.includes(path)) return 'int8 weights; its inputs are quantized at every call';
  if (int4.includes(path)) return '4-bit weights in groups, products of floats';
  return weightOnly.includes(path) ? 'int8 weights, products of floats' : String(reason ?? '');
}

/** So many layers are drawn; the table has all. */
const DRAWN_LAYERS = 12;

function layers(report: QuantizeReport): string {
  const noisy = report.layers.filter(({ share }) => share > 0).slice(0, DRAWN_LAYERS);
  const bars = noisy.map(({ path, share, sqnrDb }) => ({
    name: shortened(path),
    bars: [{ value: share, text: `${percent(share)}, ${db(sqnrDb)}`, color: 'var(--accent)' }],
  }));
  const drawn =
    bars.length === 0 ? '' : barsChart(bars, { label: 'Share of the noise of each layer', bar: 18 });
  return `<section><h2>What each layer costs</h2><p>The noise of the outputs with nothing but this layer in int8: its share of all such noise, and the signal to noise that it leaves. All layers are in the table at the end.</p>${drawn}</section>`;
}

function layerTable(report: QuantizeReport): string {
  const lines = report.layers.map((row) => [
    cell(row.path),
    cell(row.type),
    row.sqnrDb === null ? '' : db(row.sqnrDb),
    row.share > 0 ? percent(row.share) : '',
    row.weights > 0 ? count(row.weights) : '',
    row.runs,
    cell(row.runs === 'int8' ? '' : whyFloat(report, row)),
  ]);
  const all = table(
    'Layers',
    [
      '<th class="text">layer or function</th>',
      '<th class="text">type</th>',
      'alone in int8',
      'share',
      'weights',
      'runs in',
      '<th class="text">why in float</th>',
    ],
    lines,
  );
  return `<section><h2>All layers, by what they cost</h2>${all}</section>`;
}

/** The end of a path says more than its beginning. */
function shortened(path: string): string {
  return path.length <= 24 ? path : `…${path.slice(-23)}`;
}

function howMade(report: QuantizeReport, code: string | undefined): string {
  const given = code === undefined ? '' : `<pre>${escaped(code)}</pre><p>As a program:</p>`;
  return `<section><h2>How it was made</h2>${given}<pre>${escaped(programOf(report))}</pre></section>`;
}

/** A program that does the same, with the cures that were kept. */
function programOf({ target, metric, cures: trials, states }: QuantizeReport): string {
  const kept = trials.flatMap(({ cure, kept: isKept }) => (isKept ? [`'${cure}'`] : []));
  const options = [
    'data',
    ...(target === null ? [] : [metric ? `target: { metric, atLeast: ${target} }` : `target: ${target}`]),
    ...(trials.length > 0 ? [`cures: [${kept.join(', ')}]`] : []),
    ...(states.length > 0
      ? [`states: { ${states.map(([input, output]) => `'${input}': '${output}'`).join(', ')} }`]
      : []),
  ];
  return [
    "import { writeFile } from 'node:fs/promises';",
    "import { quantize } from '@octet/inspect';",
    "import { exportOnnx, importOnnx } from '@octet/onnx';",
    '',
    "const model = await importOnnx('model.onnx');",
    '// data: inputs like those that the model will see, a tensor or an array of arguments each',
    ...(metric ? [`// metric: ${metric.name} of a model, higher is better`] : []),
    `const { model: int8, report } = await quantize(model, { ${options.join(', ')} });`,
    'console.log(String(report));',
    "await writeFile('model.int8.onnx', await exportOnnx(int8, data[0]));",
  ].join('\n');
}

const glossary = `<section><h2>What the figures mean</h2>
<p><b>dB</b>: signal to quantization noise of an output, 10 · log10(Σ float² / Σ (float − int8)²). 6 dB are one bit; 30 dB are a noise of 3 % of the signal.</p></section>`;
