import { referenceBackend } from '@octet/backend-js-reference';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import { expect, test } from 'vitest';
import { analyze, compareBackends, renderReport, sensitivity } from '../src';
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
