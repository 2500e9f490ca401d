import type { Conv2d, Linear } from '@octet/nn';
import {
  convert,
  FixedQParamsObserver,
  getDefaultQConfig,
  getDefaultQConfigMapping,
  prepare,
  QConfig,
  type QConfigMapping,
} from '@octet/quantization';
import { manualSeed, noGrad, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { type AnalyzeOptions, analyze, leaveInFloat, renderReport, sensitivity } from '../src';
import { batches, fusedNet, images, mobileNet, type Net, spoil } from './models';

const data = batches(3);
const good = getDefaultQConfigMapping('qnnpack');
/** Clips nearly all of the first layer. */
const bad = good.clone().setModuleName(
  'first',
  new QConfig({
    activation: FixedQParamsObserver.withArgs({ scale: 0.1 / 255, zeroPoint: 0 }),
    weight: getDefaultQConfig('qnnpack').weight,
  }),
);

async function analysisOf(mapping: QConfigMapping, options: AnalyzeOptions<Net> = {}) {
  const float = fusedNet();
  const prepared = prepare(float, mapping);
  for (const x of data) noGrad(() => prepared.call(x));
  return analyze(float, await convert(prepared), data, options);
}

/** A metric of these values: the first for the float model, the second for the int8 one. */
const metric = (float: number, int8: number) => ({
  metric: (model: Net) => (model.modules().some((m) => 'zeroPoint' in m) ? int8 : float),
  metricName: 'accuracy',
});

const text = (html: string) => html.replace(/<style[\s\S]*?<\/style>/, '').replace(/<[^>]+>/g, ' ');

describe('the verdict', () => {
  test('fine: from 30 dB on, and no cure is listed', async () => {
    const analysis = await analysisOf(good, metric(0.978, 0.976));
    expect(analysis.output.sqnrDb).toBeGreaterThan(30);
    expect(analysis.verdict).toMatchObject({ kind: 'fine', what: 'Fine: ship it.' });
    expect(analysis.verdict.why).toMatch(
      /dB; accuracy is 97\.80 % in float, 97\.60 % in int8; from 30 dB on int8 is no worry/,
    );
    const page = text(await renderReport(analysis));
    expect(page.indexOf('Fine: ship it.')).toBeGreaterThan(0);
    expect(page.indexOf('Fine: ship it.')).toBeLessThan(page.indexOf('signal to noise of the output'));
    expect(page).toContain('97.80 % → 97.60 %');
    expect(page).not.toMatch(/Not tried|prepareQat|adaround/);
  });

  test('mend: a noisy output; what may help is marked as not tried', async () => {
    const analysis = await analysisOf(bad);
    expect(analysis.verdict).toMatchObject({ kind: 'mend', what: 'Mend it: int8 costs too much.' });
    expect(text(await renderReport(analysis))).toContain('Not tried on this model, the likeliest first:');
  });

  test.each([
    ['a metric that is lost, though the output is near', good, 0.9, 0.88, 'Mend it: int8 costs accuracy.'],
    ['a metric that holds, though the output is noisy', bad, 0.9, 0.895, /^accuracy holds, but/],
    ['a metric that is no number', good, 0.9, Number.NaN, 'Mend it: int8 costs accuracy.'],
  ])('mend: %s', async (_, mapping, float, int8, what) => {
    const { verdict } = await analysisOf(mapping, metric(float, int8));
    expect(verdict.kind).toBe('mend');
    expect(verdict.what).toMatch(what);
  });

  test('unlearned: an accuracy near that of guessing, 1 / classes', async () => {
    for (const float of [0.1, 1 / 7, 0.22, Number.NaN]) {
      const { verdict, findings } = await analysisOf(bad, metric(float, float));
      expect(verdict.what).toBe('Train the float model first: it has not learned.');
      expect(verdict.why).toContain('guessing has 14.29 %');
      expect(findings.flatMap(({ advice }) => advice)).toEqual([]);
    }
    expect((await analysisOf(bad, metric(0.3, 0.3))).verdict.kind).toBe('mend');
    expect((await analysisOf(good, { ...metric(0.52, 0.52), chance: 0.5 })).verdict.kind).toBe('unlearned');
    // Of a metric that is no accuracy nobody knows what guessing has.
    const score = { ...metric(0.1, 0.1), metricName: 'score' };
    expect((await analysisOf(good, score)).verdict.kind).toBe('fine');
  });

  test.each(['weights', 'data', 'weights and data'] as const)(
    'none on random %s, and no advice',
    async (random) => {
      const analysis = await analysisOf(bad, { random });
      expect(analysis.verdict).toMatchObject({
        kind: 'random',
        what: `No verdict: the ${random} are random.`,
      });
      expect(analysis.findings.length).toBeGreaterThan(0);
      expect(analysis.findings.flatMap(({ advice }) => advice)).toEqual([]);
      const page = text(await renderReport(analysis));
      expect(page).toContain('nothing is advised');
      expect(page).not.toContain('Not tried');
    },
  );
});

test('a coarse bias is no wrong kernel', async () => {
  manualSeed(2);
  const float = spoil(mobileNet());
  const inputs = images(2);
  const prepared = prepare(float, good);
  for (const x of inputs) noGrad(() => prepared.call(x));
  const { layers, verdict, findings } = await analyze(float, await convert(prepared), inputs);
  expect(Math.max(...layers.map(({ error }) => error.steps ?? 0))).toBeGreaterThan(2);
  expect(findings.map(({ cause }) => cause)).not.toContain('kernel');
  expect(verdict.kind).toBe('mend');
});

/** `second` is the noisiest layer by itself, but its output hardly counts in the sum; the head's weights don't stand rounding. */
function misleading() {
  const float = fusedNet();
  const [second, head] = [float.second[0] as Conv2d, float.head[1] as Linear];
  const one = Float32Array.from({ length: head.weight.numel }, (_, i) => (i === 0 ? 10 : 0));
  noGrad(() => {
    second.weight.copy_(second.weight.mul(0.001));
    second.bias?.copy_(second.bias.mul(0.001));
    head.weight.copy_(head.weight.add(tensor(one).reshape(head.weight.shape)));
  });
  const coarse = new QConfig({
    activation: FixedQParamsObserver.withArgs({ scale: 0.001, zeroPoint: 128 }),
    weight: getDefaultQConfig('qnnpack').weight,
  });
  return { float, mapping: good.clone().setModuleName('second', coarse) };
}

test('the layers that are named are those that cost the output most', async () => {
  const { float, mapping } = misleading();
  const [seen, unseen] = [batches(2, 5), batches(2, 6)];
  const run = async (model: Net, recipe: QConfigMapping) => {
    const prepared = prepare(model, recipe);
    for (const x of seen) noGrad(() => prepared.call(x));
    return convert(prepared);
  };
  const int8 = await run(float, mapping);
  const measured = await sensitivity(float, seen, undefined, { mapping });
  const ranking = measured.layers.filter(({ inFloat }) => inFloat !== null).map(({ path }) => path);
  const blind = await analyze(float, int8, unseen);
  const { findings } = await analyze(float, int8, unseen, { sensitivity: measured });
  const ofLayers = (all: typeof findings) => all.flatMap(({ layer }) => layer ?? []);

  expect(ofLayers(blind.findings)[0]).toBe('second.0');
  expect(ofLayers(findings)[0]).toBe('head.1');
  expect(ofLayers(findings)[0]).toBe(ranking[0]);
  const costs = findings.flatMap(({ cost }) => cost ?? []);
  expect(costs).toEqual([...costs].sort((a, b) => b - a));

  const outputDb = async (path: string) => {
    const mixed = leaveInFloat(float, [path], mapping);
    const { output } = await analyze(float, await run(mixed.model, mixed.mapping), unseen);
    return output.sqnrDb as number;
  };
  expect(await outputDb('head.1')).toBeGreaterThan((await outputDb('second.0')) + 3);
});

test('without sensitivity the layers are called the noisiest by themselves', async () => {
  const float = fusedNet();
  const prepared = prepare(float, good);
  for (const x of data) noGrad(() => prepared.call(x));
  const int8 = await convert(prepared);
  const even = async (options?: AnalyzeOptions<Net>) =>
    (await analyze(float, int8, data, options)).findings.find(({ cause }) => cause === 'even')?.why;
  expect(await even()).toMatch(/The noisiest by themselves: .* `sensitivity` measures it\./);
  const { layers, ...rest } = await sensitivity(float, data, undefined, { mapping: good });
  const why = await even({ sensitivity: { ...rest, layers } });
  const paths = layers.filter(({ inFloat }) => inFloat !== null).map(({ path }) => path);
  expect(why).toMatch(
    new RegExp(
      `The costliest for the output: ${paths
        .slice(0, 3)
        .map((p) => `${p} \\(.*`)
        .join('')}`,
    ),
  );
});

test('a float model, and an int8 one in which layers were left in float', async () => {
  const float = fusedNet();
  const { model, mapping } = leaveInFloat(float, ['second.0'], good);
  const prepared = prepare(model, mapping);
  for (const x of data) noGrad(() => prepared.call(x));
  const int8 = await convert(prepared);
  const { layers, output } = await analyze(float, int8, data);
  expect(layers.map(({ path }) => path)).toContain('second.0.layer');
  expect(output.sqnrDb).toBe((await analyze(model, int8, data)).output.sqnrDb);
});

test('an accuracy is shown in percent, other metrics as numbers', async () => {
  const page = async (metricName: string) =>
    text(await renderReport(await analysisOf(good, { ...metric(0.9745, 0.974), metricName })));
  expect(await page('top-1 accuracy')).toContain('97.45 % → 97.40 %');
  expect(await page('F1')).toContain('0.9745 → 0.974');
});
