import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { openPage } from '../src/open-page';

const bench = path.resolve(import.meta.dirname, '../../../apps/bench');

/** The report that the command line writes, on phones and for screen readers. */
describe.skipIf(!executablePath)('the report', () => {
  let browser: Browser;
  let folder: string;
  let url: string;
  beforeAll(async () => {
    browser = await launch();
    folder = await mkdtemp(path.join(tmpdir(), 'octet-report-'));
    const html = path.join(folder, 'report.html');
    const runner = path.join(bench, 'node_modules/@octet/build/run.mjs');
    const args = ['report', '--model', 'tutorial', '--size', '16', '--images', '1', '--html', html];
    await promisify(execFile)(process.execPath, [runner, 'src/cli.ts', ...args], { cwd: bench });
    url = pathToFileURL(html).href;
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  test.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)('can be read at %i px, %s', async (width, colorScheme) => {
    const page = await openPage(browser, url, { viewport: { width, height: 740 }, colorScheme });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)).toEqual([]);
    const { overflow, smallest } = await page.evaluate<{ overflow: number; smallest: number }>(`(() => {
      const sizes = [...document.querySelectorAll('svg text')].map((text) => {
        const svg = text.ownerSVGElement;
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        return scale * parseFloat(getComputedStyle(text).fontSize);
      });
      return { overflow: document.documentElement.scrollWidth - innerWidth, smallest: Math.min(...sizes) };
    })()`);
    expect(overflow).toBe(0);
    expect(smallest).toBeGreaterThan(10);
    expect(await page.getByRole('main').getByRole('heading', { level: 2 }).first().textContent()).toMatch(
      /^No verdict/,
    );
  });
});
