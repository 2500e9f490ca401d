import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { chromiumArgs } from '@octet/web/chromium';
import type { Result } from 'lighthouse';
import { chromium } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { executablePath } from '../src/chromium';
import { servePacked } from '../src/serve-packed';

// Lighthouse's figures of every page, as it was built. They take minutes, and a machine that does nothing else.

const apps = path.resolve(import.meta.dirname, '../../../apps');
/** The least of each category, on every page. */
const least = { performance: 95, accessibility: 100, 'best-practices': 100, seo: 100 };
const site = 'site/dist/site';
const htmlOf = (folder: string) =>
  readdirSync(path.join(apps, site, folder))
    .filter((name) => name.endsWith('.html') && name !== '404.html')
    .map((name) => path.posix.join(folder, name));
/** Every page that was written, and of the generated reference the longest one of each kind. */
const sitePages = () => {
  if (!existsSync(path.join(apps, site))) throw new Error(`There is no ${site}: build it with pnpm site.`);
  const size = (name: string) => statSync(path.join(apps, site, name)).size;
  const kinds = ['classes', 'functions', 'interfaces', 'modules', 'types', 'variables'];
  const longest = kinds.map((kind) => htmlOf(`api/${kind}`).reduce((a, b) => (size(b) > size(a) ? b : a)));
  return [...htmlOf('.'), ...htmlOf('api'), ...longest].map((name) => [`the site's ${name}`, site, name]);
};
const pages = () => [
  ['the bench', 'bench/dist', 'page/index.html'],
  ['the studio', 'studio/dist', 'page/index.html'],
  ['the demo', 'demo/dist', 'page/index.html'],
  ['the digits', 'digits/dist', 'page/index.html'],
  ...sitePages(),
];

const isAsked = process.env.SLOW_TESTS === '1';
if (!isAsked) console.warn('Lighthouse runs with SLOW_TESTS=1 alone.');

describe.skipIf(!executablePath || !isAsked)('Lighthouse', () => {
  test.each(isAsked ? pages() : [])('%s', { timeout: 240_000 }, async (_, folder, file) => {
    const root = path.join(apps, folder);
    if (!existsSync(path.join(root, file))) throw new Error(`There is no ${root}/${file}: build it.`);
    const server = await servePacked(root);
    onTestFinished(() => server.close());
    const port = 9222 + Math.floor(700 * Math.random());
    const browser = await chromium.launch({
      executablePath,
      args: [...chromiumArgs, `--remote-debugging-port=${port}`],
    });
    onTestFinished(() => browser.close());
    const { default: lighthouse } = await import('lighthouse');
    const performanceOf = (result: Result | undefined) => result?.categories.performance.score ?? 0;
    // Other load on the machine makes a page slower, never faster: the best of some runs.
    let lhr: Result | undefined;
    for (let run = 0; run < 3 && 100 * performanceOf(lhr) < least.performance; run++) {
      const found = (await lighthouse(`${server.url}${file}`, { port, logLevel: 'error' }))?.lhr;
      if (performanceOf(found) >= performanceOf(lhr)) lhr = found;
    }
    const scores = Object.entries(least).map(([name]) => [
      name,
      Math.round(100 * (lhr?.categories[name].score ?? 0)),
    ]);
    const failed = Object.values(lhr?.audits ?? {})
      .filter(
        ({ score, scoreDisplayMode }) => score !== null && score < 0.9 && scoreDisplayMode !== 'informative',
      )
      .map(({ id, displayValue }) => `${id} ${displayValue ?? ''}`);
    console.info(file, Object.fromEntries(scores), failed.join('; '));
    for (const [name, score] of scores)
      expect(score, `${name}: ${failed.join('; ')}`).toBeGreaterThanOrEqual(
        least[name as keyof typeof least],
      );
  });
});
