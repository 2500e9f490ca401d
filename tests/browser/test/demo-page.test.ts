import path from 'node:path';
import { serve } from '@octet/example-digits/serve';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { barriers, openPage } from '../src/open-page';
import { weightOf } from '../src/weight';

// The page of apps/demo as it was built, under a path of its own: page/.

const built = path.resolve(import.meta.dirname, '../../../apps/demo/dist');

test('weighs less than 30 kB before the network', async () => {
  expect(await weightOf(built)).toBeLessThan(30_000);
});

describe.skipIf(!executablePath)('the demo', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch({ camera: true });
  });
  afterAll(() => browser?.close());

  async function open(options?: BrowserContextOptions): Promise<Page> {
    const server = await serve(built, { isolated: true });
    onTestFinished(() => server.close());
    return openPage(browser, `${server.url}page/`, options);
  }

  const numberOf = async (page: Page, id: string) =>
    Number.parseFloat((await page.getByTestId(id).textContent()) ?? '');

  test('int8 is faster and smaller, and finds what float finds; a camera and a photo are looked at too', {
    timeout: 300_000,
  }, async () => {
    const page = await open();
    page.setDefaultTimeout(200_000);
    expect(await barriers(page)).toEqual([]);
    await page.getByRole('button', { name: /^Start with drawn signs/ }).click();
    const verdict = page.getByTestId('verdict').filter({ hasText: /% of float’s \d{2,} boxes/ });
    await verdict.waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    const [, percent] = /it finds (\d+) % of/.exec((await verdict.textContent()) ?? '') ?? [];
    expect(Number(percent)).toBeGreaterThan(80);
    expect(await numberOf(page, 'int8-rate')).toBeGreaterThan(await numberOf(page, 'float-rate'));
    expect(await numberOf(page, 'float-bytes')).toBe(4.75);
    expect(await numberOf(page, 'int8-bytes')).toBeLessThan(0.3 * 4.75);
    expect(await barriers(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await barriers(page)).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);

    await page.getByRole('button', { name: 'Camera' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    // The camera of the test shows no signs; the pictures are its own.
    await page.waitForFunction(() => {
      const copy = new OffscreenCanvas(320, 320).getContext('2d', { willReadFrequently: true });
      copy?.drawImage(document.querySelector('canvas') as HTMLCanvasElement, 0, 0);
      const [r = 0, g = 0, b = 0] = copy?.getImageData(160, 5, 1, 1).data ?? [];
      return g > 100 && r < 100 && b < 100;
    });
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'noise.png', mimeType: 'image/png', buffer: Buffer.from('nothing') });
    await page.getByRole('alert').filter({ hasText: "noise.png can't be read as an image." }).waitFor();
  });
});
