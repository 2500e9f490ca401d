import { checkOptions } from '@octet/backend';
import { escaped, histogramChart, linesChart, page, table } from '@octet/report';
import { version } from '../../package.json';
import type { Analysis, LayerAnalysis } from '../analyze';
import type { BackendRun } from '../compare-backends';
import { type Finding, remedyAdvice } from '../findings';
import type { RemedyTrials } from '../remedies/try-remedies';
import type { SensitivityReport } from '../sensitivity';
import { fineDb, formatMetric, type Verdict } from '../verdict';
import { inFloatText, trialRows, trialsText } from './trials';

export interface RenderReportOptions {
  /** The page's title; 'int8 report'. */
  title?: string;
  /** When it was made; now. */
  date?: Date;
  /** What `sensitivity` found. */
  sensitivity?: SensitivityReport;
  /** What `tryRemedies` found. */
  remedies?: RemedyTrials;
  /** What `compareBackends` found. */
  backends?: readonly BackendRun[];
}

/**
 * An analysis as one page of HTML that needs nothing else: whether the model will do first, what remedies gained, what costs accuracy,
 * then every layer with its histograms. Light and dark, on phones and in print.
 */
export async function renderReport(analysis: Analysis, options?: RenderReportOptions): Promise<string> {
  const {
    title = 'int8 report',
    date = new Date(),
    sensitivity,
    remedies,
    backends,
  } = checkOptions('renderReport', options, 'title date sensitivity remedies backends');
  const body = [
    `<header><h1>${escaped(title)}</h1><p class="muted">Float against int8, ${analysis.layers.length} layers, ${plural(analysis.inputs, 'batch', 'batches')} of data. Octet ${version}, ${date.toISOString().slice(0, 10)}.</p></header>`,
    '<main>',
    verdictSection(analysis, remedies),
    tiles(analysis),
    remedies ? trialsSection(remedies) : '',
    findings(analysis, remedies),
    sensitivity ? sensitivitySection(sensitivity, analysis.verdict) : '',
    overview(analysis),
    layerTable(analysis),
    backends ? backendSection(backends) : '',
    details(analysis),
    glossary,
    '</main>',
  ];
  return page(title, body);
}

/** A finding's text: what stands between backticks is code. */
const withCode = (text: string) => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const plural = (n: number, one: string, many: string) =>
  `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`;
const db = (value: number | null | undefined) => (typeof value === 'number' ? value.toFixed(1) : '–');
const percent = (part: number, digits = 2) => `${Number((100 * part).toPrecision(digits + 1))} %`;
const number = (value: number, digits = 4) => String(Number(value.toPrecision(digits)));
const count = (value: number) => (value === 0 ? '' : value.toLocaleString('en-US'));
const kB = (bytes: number) => (bytes / 1000).toLocaleString('en-US', { maximumSignificantDigits: 4 });
const anchor = (path: string) => `layer-${encodeURIComponent(path)}`;
const link = (path: string) => `<a href="#${anchor(path)}">${escaped(path)}</a>`;

function tiles({ output, metric, bytes, layers }: Analysis): string {
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const int8 = layers.reduce((sum, layer) => sum + (layer.int8Type === null ? 0 : layer.macs), 0);
  const tile = (value: string, label: string) =>
    `<div class="tile"><b>${value}</b><span>${label}</span></div>`;
  return `<section class="tiles">${[
    metric &&
      tile(
        `${formatMetric(metric.name, metric.float)} → ${formatMetric(metric.name, metric.int8)}`,
        `${escaped(metric.name)}, float → int8`,
      ),
    tile(output.sqnrDb === null ? 'exact' : `${db(output.sqnrDb)} dB`, 'signal to noise of the output'),
    output.cosine !== null && tile(output.cosine.toFixed(5), 'cosine of the outputs'),
    output.sameClass !== null && tile(percent(output.sameClass), 'rows of the same class'),
    tile(`${kB(bytes.float)} → ${kB(bytes.int8)}`, 'weights and biases, kB, float → int8'),
    macs > 0 && tile(percent(int8 / macs), `of ${count(macs)} MACs in int8`),
  ]
    .filter((part) => typeof part === 'string')
    .join('')}</section>`;
}

function verdictSection(
  { verdict: { kind, what, why } }: Analysis,
  remedies: RemedyTrials | undefined,
): string {
  const best = remedies && kind === 'mend' ? `<p>${withCode(trialsText(remedies))}</p>` : '';
  return `<section class="verdict ${kind}"><h2>${escaped(what)}</h2><p>${escaped(why)}</p>${best}</section>`;
}

function trialsSection(found: RemedyTrials): string {
  const { columns, rows } = trialRows(found);
  const left = inFloatText(found);
  const lines = rows.map(({ name, cells, reason }) => [
    `<td class="text wrap">${withCode(name)}</td>`,
    ...(reason === null
      ? cells.map(escaped)
      : [`<td class="text wrap" colspan="${columns.length}">not applied: ${escaped(reason)}</td>`]),
  ]);
  return `<section><h2>Remedies, tried</h2><p>${withCode(trialsText(found))}</p>${table('Remedies', ['<th class="text">remedy</th>', ...columns.map(escaped)], lines)}${left ? `<p>${withCode(left)}</p>` : ''}<p class="muted">Each on a fresh copy of the float model, judged on inputs that chose nothing of it: calibration and remedies saw others. Less than 0.3 dB is chance.</p></section>`;
}

function findings({ findings: all, verdict }: Analysis, remedies: RemedyTrials | undefined): string {
  const same = new Map<string, Finding[]>();
  for (const one of all) {
    // Those of the whole model stand alone.
    const key = one.layer === null ? one.what : one.cause;
    same.set(key, [...(same.get(key) ?? []), one]);
  }
  const tried = new Set((remedies?.trials ?? []).flatMap((trial) => trial.remedies));
  const known = new Set([...tried].map((name) => remedyAdvice[name]));
  // Nothing has to be done for a model that is fine.
  const untried = ({ advice }: Finding) =>
    verdict.kind === 'fine' ? [] : advice.filter((text) => !known.has(text));
  const cards = [...same.values()].map((found) => card(found, untried(found[0]))).join('');
  const order = all.some(({ cost }) => cost !== null)
    ? 'First what costs the output most. '
    : all.some(({ layer, db }) => layer !== null && db !== null)
      ? 'The noisiest layers by themselves first, which need not cost the output most. '
      : '';
  return `<section><h2>Where int8 loses accuracy</h2>${
    cards
      ? `<p class="muted">${order}On the right, the signal to noise ratio that this alone leaves: 6 dB are one bit, and from ${noisyDb} dB on it is no worry.</p>${cards}`
      : '<p>No layer stands out.</p>'
  }</section>`;
}

/** Below this a layer's own figure is shown as bad. */
const noisyDb = fineDb;

/** How many layers with the same trouble are described; the others are named. */
const described = 4;

/** Mistakes of kernels are no mere remark either. */
const isCost = ({ cause, db: cost }: Finding) => cause === 'kernel' || (cost !== null && cost < noisyDb);

/** One cause, in all its layers, the worst first. */
function card(found: readonly Finding[], advice: readonly string[]): string {
  const [{ layer, what, why, db: cost }] = found;
  const sentence = withCode(what);
  const heading = layer ? sentence.replace(escaped(layer), link(layer)) : sentence;
  const more =
    found.length > 1 ? ` The same in ${plural(found.length - 1, 'other layer', 'other layers')}.` : '';
  const rest = found.slice(described).map((one) => `${link(one.layer ?? '')} (${db(one.db)} dB)`);
  const reasons =
    found.length === 1
      ? `<p>${withCode(why)}</p>`
      : `<ul>${found
          .slice(0, described)
          .map(
            (one) =>
              `<li><b>${link(one.layer ?? '')}${one.db === null ? '' : ` (${db(one.db)} dB)`}</b> ${withCode(one.why)}</li>`,
          )
          .join('')}${rest.length > 0 ? `<li>${rest.join(', ')}</li>` : ''}</ul>`;
  const steps = advice.map((text) => `<li>${withCode(text)}</li>`).join('');
  return `<article class="finding ${isCost(found[0]) ? 'cost' : 'remark'}"><header><h3>${heading}${more}</h3>${
    cost === null ? '' : `<span>${db(cost)} dB</span>`
  }</header>${reasons}${steps && `<p>Not tried on this model, the likeliest first:</p><ul>${steps}</ul>`}</article>`;
}

function sensitivitySection(
  { metricName, float, int8, layers, steps, exclude, metric }: SensitivityReport,
  { kind }: Verdict,
): string {
  const score = (value: number) => formatMetric(metricName, value);
  const answer =
    kind === 'random' || kind === 'unlearned'
      ? ''
      : exclude.length > 0
        ? `<p>With ${plural(exclude.length, 'layer', 'layers')} left in float, ${escaped(metricName)} goes from ${score(int8)} to ${score(metric)} (float: ${score(float)}): ${percent((metric - int8) / (float - int8), 1)} of what is lost comes back. <code>prepare(result.model, result.mapping)</code> of what <code>sensitivity</code> gave does that, or:</p><pre>leaveInFloat(model, [${exclude.map((path) => `'${escaped(path)}'`).join(', ')}], mapping)</pre>`
        : `<p>All in int8, ${escaped(metricName)} is ${score(int8)} (float: ${score(float)}). Leaving layers in float brings nothing back.</p>`;
  const chosen = new Map(
    steps.slice(0, exclude.length).map(({ path, metric }, i) => [path, `${i + 1}: ${score(metric)}`]),
  );
  return `<section><h2>Which layers are sensitive</h2>${answer}${table(
    'Sensitivity of the layers',
    [
      'layer',
      '<th class="text">type</th>',
      'alone in int8',
      'all but it in int8',
      'its weights in float',
      'left in float',
    ],
    layers.map((layer) => [
      link(layer.path),
      `<td class="text">${escaped(layer.type)}</td>`,
      score(layer.alone),
      score(layer.without),
      layer.inFloat === null ? '' : score(layer.inFloat),
      chosen.get(layer.path) ?? '',
    ]),
  )}<p class="muted">${escaped(metricName)}, higher is better; the layers that lose most by themselves first. Where “all but it” is much better than “its weights in float”, the range of its output is the trouble: another observer helps, float doesn’t. “Left in float” counts the layers in the order in which they leave int8, with the figure from there on.</p></section>`;
}

function overview({ layers }: Analysis): string {
  const lines = [
    { name: 'up to here', color: 'var(--second)', values: layers.map(({ error }) => error.total.sqnrDb) },
    {
      name: 'by itself',
      color: 'var(--accent)',
      values: layers.map(({ error }) => error.local?.sqnrDb ?? null),
    },
  ];
  const keys = lines
    .map(({ name, color }) => `<span class="key" style="background:${color}"></span>${name}`)
    .join('');
  const names = layers.map(({ path }) => path);
  return `<section><h2>Signal to noise by layer</h2><figure><div class="scroll wide" role="region" aria-label="Chart" tabindex="0">${linesChart(names, lines, 'dB')}</div><figcaption>${keys} — higher is better. Where the first line falls away from the second, the noise comes from layers before.</figcaption></figure></section>`;
}

function figure(value: number | null | undefined, bad = noisyDb): string {
  return typeof value === 'number' && value < bad ? `<td class="bad">${db(value)}</td>` : db(value);
}

function layerTable({ layers }: Analysis): string {
  const head = [
    'layer',
    '<th class="text">runs as</th>',
    'MACs',
    'bytes in int8',
    'dB up to here',
    'dB by itself',
    'simulated',
    'weights only',
    'cosine',
    'clipped',
    'integers used',
  ];
  return `<section><h2>Layers</h2>${table(
    'Layers',
    head,
    layers.map(({ path, type, int8Type, macs, bytes, error, activation: { quantization: q } }) => [
      link(path),
      `<td class="text">${int8Type === null ? `${escaped(type)} (float)` : escaped(int8Type)}</td>`,
      count(macs),
      count(bytes.int8),
      // Noise adds up: some is no fault.
      figure(error.total.sqnrDb, noisyDb - 10),
      figure(error.local?.sqnrDb),
      figure(error.fakeQuantized?.sqnrDb),
      figure(error.weights?.sqnrDb),
      error.total.cosine?.toFixed(5) ?? '–',
      q ? (q.clipped > 0 ? percent(q.clipped, 1) : '0') : '–',
      q ? String(q.levels.used) : '–',
    ]),
  )}</section>`;
}

function backendSection(runs: readonly BackendRun[]): string {
  const middle = (ms: readonly number[]) => [...ms].sort((a, b) => a - b)[ms.length >> 1];
  const [first] = runs;
  return `<section><h2>Backends</h2>${table(
    'Backends',
    ['backend', 'median ms', 'layers that differ', 'first that is wrong', 'largest distance there'],
    runs.map((run) => {
      const at = run.layers.find(({ path }) => path === run.firstDifference);
      return [
        escaped(run.backend),
        run.ms.length > 0 ? middle(run.ms).toFixed(2) : '–',
        run === first
          ? 'compared with'
          : String(run.layers.filter(({ path, differing }) => path !== '' && differing > 0).length),
        run.firstDifference === null ? 'none' : escaped(run.firstDifference || 'the output'),
        at ? number(at.maxDifference) : '–',
      ];
    }),
  )}</section>`;
}

function details({ layers }: Analysis): string {
  return `<section><h2>Every layer, what it holds and the range of its integers</h2><p class="muted"><span class="key" style="background:var(--accent);margin-left:0"></span>how often, by the square root <span class="key" style="background:var(--range);outline:1px solid var(--edge)"></span>what its integers reach</p>${layers
    .map((layer) => detail(layer))
    .join('')}</section>`;
}

function detail(layer: LayerAnalysis): string {
  const { path, type, int8Type, error, activation, weight } = layer;
  const { quantization: q } = activation;
  const own = error.local?.sqnrDb;
  const facts = [
    `${db(error.total.sqnrDb)} dB up to here`,
    typeof own === 'number' ? `${db(own)} dB by itself` : '',
    error.input?.sqnrDb ? `${db(error.input.sqnrDb)} dB in its input` : '',
    error.shift > 0.1 ? `${percent(error.shift, 1)} of its noise is a shift of channels` : '',
  ];
  const range = q && { from: q.low, to: q.high };
  const output = `<figure>${histogramChart(activation.histogram, range ?? undefined, 'output')}<figcaption>Output: ${number(activation.min)} … ${number(activation.max)}${
    q
      ? `; integers reach ${number(q.low)} … ${number(q.high)} (scale ${number(q.scale)}, zero point ${q.zeroPoint}). ${percent(q.clipped, 1)} clipped, ${q.levels.used} of 256 integers used, ${q.levels.middle} by the middle 99.9 %. ${q.clippingDb === null ? 'Clipping costs nothing' : `Clipping alone leaves ${db(q.clippingDb)} dB`}, rounding ${db(q.roundingDb)} dB.`
      : '. In float.'
  }</figcaption></figure>`;
  const weights = weight
    ? `<figure>${histogramChart(weight.histogram, { from: weight.low, to: weight.high }, 'weights')}<figcaption>Weights [${weight.shape.join(', ')}]: ${number(weight.min)} … ${number(weight.max)}; ${
        weight.perChannel
          ? `scales for each channel, ${number(weight.scale.min)} … ${number(weight.scale.max)}`
          : `one scale, ${number(weight.scale.max)}`
      }; integers reach ${number(weight.low)} … ${number(weight.high)}, ${percent(weight.clipped, 1)} clipped, ${weight.levelsUsed} of 256 used. ${db(weight.error?.sqnrDb)} dB; the channels ${db(weight.channelDb.min)} dB at least, ${db(weight.channelDb.median)} dB in the middle. Largest of a channel: ${number(weight.channelRange.min)} … ${number(weight.channelRange.max)}, middle ${number(weight.channelRange.median)}.</figcaption></figure>`
    : '';
  return `<article class="layer" id="${anchor(path)}"><h3>${escaped(path)} <span class="muted">${escaped(type)}${
    int8Type === null ? ', in float' : int8Type === type ? '' : ` → ${escaped(int8Type)}`
  }</span></h3><p class="muted">${facts.filter((fact) => fact !== '').join('; ')}.</p><div class="pair">${output}${weights}</div></article>`;
}

const glossary = `<section><h2>What the figures mean</h2>
<p><b>dB</b>: signal to quantization noise, 10 · log10(Σ float² / Σ (float − int8)²). 6 dB are one bit. Eight bits that fit leave 35 to 45 dB in a layer; below 30 dB it is worth a look. A dash: no noise, or nothing to measure.</p>
<p><b>Up to here</b>: the int8 model’s output of this layer against the float model’s, with all that happened before. <b>By itself</b>: this layer alone, in int8 and in float on the same rounded inputs. <b>Simulated</b>: the same by rounding in float; far from “by itself”, the kernel is wrong. <b>Weights only</b>: nothing but its weights rounded.</p>
<p><b>Integers used</b>: how many of the 256 occur. The middle 99.9 % leave out what is rare: where they take few, the rare ones stretch the range.</p></section>`;
