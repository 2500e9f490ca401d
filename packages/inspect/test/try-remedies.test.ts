import {
  convert,
  defaultPerChannelWeightObserver,
  defaultWeightObserver,
  getDefaultQConfigMapping,
  HistogramObserver,
  prepare,
  QConfig,
  QConfigMapping,
} from '@octet/quantization';
import { manualSeed, noGrad } from '@octet/tensor';
import { describe, expect, test, vi } from 'vitest';
import { analyze, correctBias, renderReport, sensitivity, tryRemedies } from '../src';
import { images, mobileNet, spoil } from './models';

manualSeed(1);
const [calibration, data] = [images(3), images(3)];
const mapping = getDefaultQConfigMapping('qnnpack');

/** The recipe x86 with all 8 bits. */
const eightBits = new QConfigMapping().setGlobal(
  new QConfig({ activation: HistogramObserver, weight: defaultPerChannelWeightObserver }),
);

/** One scale doesn't fit the channels of its layers; `equalize` mends that. */
function spoiled() {
  manualSeed(2);
  return spoil(mobileNet());
}

function sound() {
  manualSeed(2);
  return mobileNet();
}

async function outputDb(
  model: ReturnType<typeof spoiled>,
  recipe: QConfigMapping,
  remedy?: typeof correctBias,
) {
  const prepared = prepare(model, recipe);
  for (const x of calibration) noGrad(() => prepared.call(x));
  await remedy?.(prepared, calibration);
  return (await analyze(model, await convert(prepared), data)).output.sqnrDb as number;
}

describe('tryRemedies', { timeout: 60_000 }, () => {
  test('says of each what it gained, on a copy and on other inputs', async () => {
    const float = spoiled();
    const before = noGrad(() => float.call(data[0])).dataSync();
    const onProgress = vi.fn();
    const metric = vi.fn(async (model: typeof float) => (model.modules().length > 0 ? 0.5 : 0));
    const found = await tryRemedies(float, calibration, data, {
      mapping,
      metric,
      metricName: 'accuracy',
      adaround: { iterations: 3 },
      onProgress,
    });
    expect(noGrad(() => float.call(data[0])).dataSync()).toEqual(before);
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    expect(found.before).toEqual({ sqnrDb: expect.closeTo(await outputDb(float, mapping), 8), metric: 0.5 });
    const of = (...names: string[]) => found.trials.find(({ remedies }) => `${remedies}` === `${names}`);
    const alone = ['eightBits', 'perChannel', 'equalize', 'correctBias', 'adaround', 'leaveInFloat'];
    for (const name of alone) expect(of(name), name).toBeDefined();
    expect(of('correctBias')?.after?.sqnrDb).toBeCloseTo(await outputDb(float, mapping, correctBias), 8);
    for (const { after, gainDb, reason } of found.trials) {
      expect(after === null).toBe(reason !== null);
      if (after) expect(gainDb).toBeCloseTo((after.sqnrDb as number) - (found.before.sqnrDb as number), 8);
    }
    expect(of('eightBits')?.reason).toMatch(/expected activations of 7 bits, found none in the recipe/);
    expect(of('equalize')?.gainDb).toBeGreaterThan(10);
    expect(of('leaveInFloat')?.inFloat.length).toBeGreaterThan(0);

    const dbs = found.trials.map(({ after }) => after?.sqnrDb ?? Number.NEGATIVE_INFINITY);
    expect(dbs).toEqual([...dbs].sort((a, b) => b - a));
    // Those that gained something are tried together, last.
    const together = found.trials.filter(({ remedies }) => remedies.length > 1);
    const gainers = found.trials.filter(
      ({ remedies, gainDb }) => remedies.length === 1 && (gainDb ?? 0) >= 0.3,
    );
    const names = gainers.flatMap(({ remedies }) => remedies).filter((name) => name !== 'leaveInFloat');
    expect(together.map(({ remedies }) => [...remedies].sort())).toEqual(
      names.length > 1 ? [[...names].sort()] : [],
    );
    const calls = onProgress.mock.calls.map(([done, total]) => [done, total]);
    for (const [done, total] of calls) expect(done).toBeLessThanOrEqual(total);
    expect(calls.at(-1)).toEqual([1 + found.trials.length, 1 + found.trials.length]);
  });

  test('tries what is asked for, together too, and takes 7 bits away', async () => {
    const found = await tryRemedies(sound(), calibration, data, {
      mapping: getDefaultQConfigMapping('x86'),
      remedies: ['eightBits', ['eightBits', 'correctBias'], 'perChannel'],
    });
    expect(found.trials.map(({ remedies }) => remedies.join()).sort()).toEqual([
      'eightBits',
      'eightBits,correctBias',
      'perChannel',
    ]);
    const [eight] = found.trials.filter(({ remedies }) => `${remedies}` === 'eightBits');
    expect(eight.reason).toBeNull();
    expect(eight.after?.sqnrDb).toBeCloseTo(await outputDb(sound(), eightBits), 8);
    expect(found.trials.at(-1)?.reason).toMatch(/weights with one scale for all channels/);
    expect(found.metricName).toBeNull();
  });

  test('a scale for each channel keeps the bits of the recipe', async () => {
    const weight = defaultWeightObserver.withArgs({ quantMin: -8, quantMax: 7 });
    const four = new QConfigMapping().setGlobal(new QConfig({ activation: HistogramObserver, weight }));
    const { trials, before } = await tryRemedies(sound(), calibration, data, {
      mapping: four,
      remedies: ['perChannel'],
    });
    const eight = await outputDb(sound(), mapping);
    expect(trials[0].after?.sqnrDb).toBeGreaterThan(before.sqnrDb as number);
    expect(trials[0].after?.sqnrDb).toBeLessThan(eight - 6);
  });

  test('the layers left in float are those that cost the output most', async () => {
    const float = sound();
    const { layers } = await sensitivity(float, calibration, undefined, { mapping });
    const worst = layers.filter(({ inFloat }) => inFloat !== null).map(({ path }) => path);
    const options = { mapping, remedies: ['leaveInFloat'], floatLayers: 2 } as const;
    const { trials } = await tryRemedies(float, calibration, data, options);
    expect(trials[0].inFloat).toEqual(worst.slice(0, 2));
    expect(trials[0].gainDb).toBeGreaterThan(0.3);
  });

  test('the report says what was gained, and doesn’t advise it again', async () => {
    const float = spoiled();
    const prepared = prepare(float, mapping);
    for (const x of calibration) noGrad(() => prepared.call(x));
    const analysis = await analyze(float, await convert(prepared), data);
    const verdict = { ...analysis.verdict, kind: 'mend' as const };
    const remedies = await tryRemedies(float, calibration, data, {
      mapping,
      remedies: ['perChannel', 'equalize', 'eightBits'],
    });
    const page = await renderReport({ ...analysis, verdict }, { remedies });
    expect(page.includes('Remedies, tried')).toBe(true);
    const text = page.slice(page.indexOf('<main>'), page.indexOf('<svg'));
    expect(text).toMatch(/Best of what was tried: .* takes the output from -?[\d.]+ dB to [\d.]+ dB\./);
    expect(text).toMatch(/>\+[\d.]+ dB</);
    expect(text).toContain('not applied: ');
    expect(page.includes('before the calibration, cross-layer equalization')).toBe(false);
    expect(text).not.toMatch(/undefined|NaN|null/);
  });

  test('refuses inputs that chose the remedy, none, unknown remedies, and training mode', async () => {
    const float = spoiled();
    const both = [calibration[0], ...data];
    await expect(tryRemedies(float, calibration, both, { mapping })).rejects.toThrow(
      /other inputs for the judgement than for the calibration/,
    );
    await expect(tryRemedies(float, calibration, [], { mapping })).rejects.toThrow(/expected some inputs/);
    await expect(
      tryRemedies(float, calibration, data, { mapping, remedies: ['equalise' as never] }),
    ).rejects.toThrow(/remedies of eightBits, .*found equalise/);
    await expect(tryRemedies(spoiled().train(), calibration, data, { mapping })).rejects.toThrow(
      /training mode/,
    );
  });
});
