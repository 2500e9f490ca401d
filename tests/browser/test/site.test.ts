import { existsSync } from 'node:fs';
import path from 'node:path';
import { serve } from '@octet/example-digits/serve';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { barriers, openPage } from '../src/open-page';

// The site of apps/site, as `pnpm site` built it.

const built = path.resolve(import.meta.dirname, '../../../apps/site/dist/site');
const isBuilt = existsSync(path.join(built, 'api/index.html'));
if (!isBuilt) {
  const message = 'The site is not built: pnpm site.';
  if (process.env.CI) throw new Error(message);
  console.warn(`${message} Its tests are skipped.`);
}

describe.skipIf(!executablePath || !isBuilt)('the site', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  async function open(file: string, options?: BrowserContextOptions): Promise<Page> {
    const server = await serve(built);
    onTestFinished(() => server.close());
    return openPage(browser, `${server.url}${file}`, options);
  }

  test.each(['index.html', 'start.html', 'quantize.html', 'layers.html', 'api/index.html'])(
    '%s: no barriers, and it fits a phone, light and dark',
    async (file) => {
      const page = await open(file);
      // The tree of the reference is TypeDoc's: it has links within what opens its branches.
      const rules = file.startsWith('api/') ? { without: ['nested-interactive'] } : {};
      expect(await barriers(page, rules), 'light').toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.reload();
      expect(await barriers(page, rules), 'dark').toEqual([]);
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      expect(await barriers(page, rules), 'on a phone').toEqual([]);
    },
  );

  test('code of the pages runs in them, and prints what they say', async () => {
    for (const file of ['start.html', 'how-it-works.html']) {
      const page = await open(file);
      const code = page
        .locator('div.language-ts')
        .filter({ has: page.locator('xpath=following-sibling::*[1][contains(@class, "run-code")]') });
      const said = [...((await code.textContent()) ?? '').matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)];
      expect(said.length).toBeGreaterThan(0);
      await page.getByRole('button', { name: 'Run it here' }).click();
      const printed = page.getByLabel('What it printed');
      await page.getByText('Running …').waitFor({ state: 'detached' });
      const plain = (text: string) => text.replace(/[\s"']/g, '').replace(/(\w+):/g, '$1:');
      expect(plain((await printed.textContent()) ?? '')).toBe(plain(said.map(([, text]) => text).join('\n')));
    }
  });

  test('the apps are under it, and run', async () => {
    const page = await open('index.html');
    await page.getByRole('link', { name: 'Try it with your model' }).click();
    await page.getByRole('button', { name: 'Handwritten digits' }).click();
    await page.getByTestId('samples').filter({ hasText: '64 inputs.' }).waitFor();
    for (const [app, title] of [
      ['demo', 'Where is text?'],
      ['bench', 'Octet bench'],
      ['digits', 'Draw a digit'],
    ]) {
      await page.goto(new URL(`/${app}/index.html`, page.url()).href);
      await page.getByRole('heading', { name: title, level: 1 }).waitFor();
    }
  });

  test('the reference has packages by their names, the tree of the one shown, and a search', async () => {
    const page = await open('api/index.html');
    // Before its name an entry has its kind, which an icon shows.
    const entry = (name: string) =>
      page.locator('nav.tsd-navigation').getByRole('link', { name: new RegExp(` ${name}$`) });
    await page.getByRole('main').getByRole('link', { name: '@octet/nn', exact: true }).click();
    await entry('Conv2d').waitFor();
    expect(await entry('quantize').count()).toBe(0);
    const loaded = () => page.evaluate(() => 'searchData' in window);
    expect(await loaded()).toBe(false);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('combobox').fill('quantizeperten');
    await page.getByRole('option', { name: 'quantizePerTensor' }).first().waitFor();
    expect(await loaded()).toBe(true);
  });

  test('links into long pages of the reference lead to what they name', async () => {
    for (const [file, id] of [
      ['api/classes/_octet_tensor.Tensor.html', 'reshape'],
      ['api/modules/octet.html', 'quantizedynamic'],
    ]) {
      const page = await open(`${file}#${id}`);
      const top = () => page.locator(`[id="${id}"]`).evaluate((found) => found.getBoundingClientRect().top);
      await expect.poll(top).toBeLessThan(100);
      expect(await top()).toBeGreaterThan(0);
    }
  });

  test('it says its version, and what has changed', async () => {
    const page = await open('start.html');
    await page.getByRole('button', { name: /^Version \d+\.\d+\.\d+/ }).click();
    await page.getByRole('link', { name: 'What changed' }).waitFor();
  });
});
