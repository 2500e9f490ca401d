import { expect, test } from 'vitest';
import { page, table } from '../src';

test('a page is one file without scripts', () => {
  const html = page('a <b>', ['<main>', '', '<p>text</p>', '</main>']);
  expect(html).toContain('<title>a &lt;b&gt;</title>');
  expect(html).toContain('<body>\n<main>\n<p>text</p>\n</main>\n</body>');
  expect(html).not.toMatch(/https?:|\bsrc=|<script|<link|@import|url\(/);
});

test('a table takes cells, or what goes into them', () => {
  const html = table('of "two"', ['a', '<th class="text">b</th>'], [['1', '<td class="text">2</td>']]);
  expect(html).toContain('aria-label="of &quot;two&quot;"');
  expect(html).toContain('<tr><th>a</th><th class="text">b</th></tr>');
  expect(html).toContain('<tr><td>1</td><td class="text">2</td></tr>');
});
