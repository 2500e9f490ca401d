import { referenceBackend } from '@octet/backend-js-reference';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  analyze,
  compareBackends,
  QuantizeReport,
  renderQuantizeReport,
  renderReport,
  sensitivity,
} from '../src';
import { batches, fusedNet } from './models';

test('a page that needs nothing else; the analysis is plain data', { timeout: 30_000 }, async () => {
  const data = batches(2);
  const float = fusedNet();
  const prepared = prepare(float, getDefaultQConfigMapping());
  for (const x of data) noGrad(() => prepared.call(x));
  const int8 = await convert(prepared);
  const analysis = await analyze(float, int8, data);
  expect(JSON.parse(JSON.stringify(analysis))).toEqual(analysis);

  const { model: _, mapping: __, ...sensitive } = await sensitivity(float, data);
  expect(JSON.parse(JSON.stringify(sensitive))).toEqual(sensitive);
  const backends = await compareBackends(int8, data[0], [referenceBackend]);
  const html = await renderReport(analysis, { title: 'a <b> & "c"', sensitivity: sensitive, backends });
  expect(html).not.toMatch(/https?:|\bsrc=|<script|<link|@import|url\((?!#)/);
  expect(html).toContain('<title>a &lt;b&gt; &amp; &quot;c&quot;</title>');
  expect(html).not.toMatch(/undefined|NaN|\[object/);
  for (const { path } of analysis.layers) expect(html).toContain(`id="layer-${path}"`);
  // Output and weights of three layers, the outputs of two, and the overview.
  expect(html.match(/<svg /g)).toHaveLength(9);
  expect(html.length).toBeLessThan(45_000);
  for (const { what } of analysis.findings) expect(html.replace(/<[^>]+>/g, '')).toContain(what);

  // One cause in many layers is one card: four are described, the others named, the advice stands once.
  const finding = { cause: 'weights', why: 'Because <of it>.', advice: ['Try `this`.'] } as const;
  const paths = ['a', 'b', 'c', 'd', 'e', 'f'];
  const findings = paths.map((layer, i) => ({
    ...finding,
    layer,
    what: `Of ${layer}.`,
    db: 10 + i,
    cost: null,
  }));
  const verdict = { ...analysis.verdict, kind: 'mend' as const };
  const many = await renderReport({ ...analysis, verdict, findings });
  expect(many.match(/<article class="finding/g)).toHaveLength(1);
  expect(many).toContain('The same in 5 other layers.');
  expect(many.match(/Because &lt;of it&gt;\./g)).toHaveLength(4);
  expect(many.match(/Try <code>this<\/code>\./g)).toHaveLength(1);
  for (const path of paths) expect(many).toContain(`href="#layer-${path}"`);
});

describe('the page of quantize', () => {
  const point = (db: number, bytes: number, ms: number) => ({ db, bytes, ms });
  const trial = (cure: 'ranges' | 'correctBias', kept: boolean, db: number) => ({
    ...{ cure, kept, gainDb: db - 20, what: 'a <b>', seconds: 1, point: point(db, 260, 2) },
  });
  const layer = (path: string, sqnrDb: number | null, share: number) => ({
    ...{ path, type: 'Conv2d', weights: 10, sqnrDb, share },
    ...(share > 0 ? { runs: 'int8' as const } : { runs: 'float' as const, reason: 'recipe' as const }),
  });
  const costly = [layer('a.very.long.path.of.a.layer<1>', 21, 0.9), layer('b', 30, 0.1), layer('c', null, 0)];
  const report = (
    cures: readonly ReturnType<typeof trial>[],
    target: number | null = 30,
    layers: readonly ReturnType<typeof layer>[] = costly,
  ) =>
    new QuantizeReport(
      ['out'],
      [20],
      [24],
      target,
      false,
      null,
      cures,
      { calibration: 8, choice: 2, judgement: 2 },
      false,
      false,
      [['state', 'stateN']],
      { float: 1000, int8: 260 },
      { float: 5, int8: 2 },
      point(20, 250, 2),
      layers,
      [],
      [],
      [],
      3,
    );
  const text = (html: string) => html.replace(/<(?!style)[^>]+>/g, ' ');

  test('has the verdict first, then the picture, what layers cost, the cures, and the program', () => {
    const html = renderQuantizeReport(report([trial('ranges', true, 24), trial('correctBias', false, 19)]), {
      code: 'npx octet quantize <model>',
    });
    expect(html).not.toMatch(/https?:|\bsrc=|<script|<link|@import|url\((?!#)|undefined|NaN|\[object/);
    const order = [
      'was not reached',
      'Accuracy against size',
      'What each layer costs',
      'Cures',
      'How it was made',
    ];
    expect(order.map((part) => html.indexOf(part))).toEqual(
      order.map((part) => html.indexOf(part)).sort((a, b) => a - b),
    );
    for (const part of order) expect(html).toContain(part);
    expect(html).toContain('90 %, 21.0 dB');
    expect(html).toContain('npx octet quantize &lt;model&gt;');
    expect(html).toContain("import { quantize } from '@octet/inspect';");
    expect(html).toContain("target: 30, cures: ['ranges'], states: { 'state': 'stateN' }");
    // In both pictures three points, of which one was chosen.
    expect(html.match(/<circle /g)).toHaveLength(6);
    expect(html.match(/<circle [^>]*r="7"/g)).toHaveLength(2);
    expect(text(html)).toContain('target, 30 dB');
  });

  test('what was chosen has the time of what is given, not that of its trial; shares too small to tell are so', () => {
    const kept = { ...trial('ranges', true, 24), point: point(24, 260, 9) };
    const shown = text(renderQuantizeReport(report([kept])));
    expect(shown).toContain('5.00 → 2.00');
    expect(shown).not.toContain('9.00');
    const tiny = report([], null, [layer('a', 20, 1), layer('b', 130, 4e-11)]);
    expect(text(renderQuantizeReport(tiny))).toContain('&lt; 0.01 %');
  });

  test('without a target has the recipe alone, and no level', () => {
    const html = renderQuantizeReport(report([], null));
    expect(html.match(/<circle [^>]*r="7"/g)).toHaveLength(2);
    expect(html).not.toContain('target, ');
    expect(html).not.toContain('<h2>Cures');
    expect(html).toContain('quantize(model, { data, states');
  });
});
