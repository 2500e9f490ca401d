import path from 'node:path';
import { serve } from '@octet/example-digits/serve';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { firefoxPath, launchFirefox, openInFirefox, saysInFirefox } from '../src/firefox';

// What people do most on the pages, in Firefox; the other tests of the pages run in Chromium.

const apps = path.resolve(import.meta.dirname, '../../../apps');

describe.skipIf(!firefoxPath)('in Firefox', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchFirefox();
  });
  afterAll(() => browser?.close());

  async function open(app: string): Promise<Page> {
    const server = await serve(path.join(apps, app, 'dist'), { isolated: true });
    onTestFinished(() => server.close());
    return openInFirefox(browser, `${server.url}page/`);
  }

  test('the studio makes its model int8 and shows both', { timeout: 180_000 }, async () => {
    const page = await open('studio');
    await page.locator('::-p-aria([name="Handwritten digits"][role="button"])').click();
    await saysInFirefox(page, '[data-testid=samples]', /^64 inputs\.$/);
    await page.locator('::-p-aria([name="Make it int8"][role="button"])').click();
    await saysInFirefox(page, 'h2', /^\d+\.\d dB in the worst output$/);
    await saysInFirefox(page, 'h3', /^Side by side$/);
    const best = await page.$$eval('.best th', (heads) => heads.map(({ textContent }) => textContent));
    expect(best).toEqual(['3', '3']);
    expect(
      await page.$eval('[aria-label="Layers that cost most"]', ({ textContent }) => textContent),
    ).toMatch(/\d+\.\d dB/);
  });

  test('the digits page reads a 1 that is drawn with the mouse, by both models', {
    timeout: 120_000,
  }, async () => {
    const page = await open('digits');
    const pad = await page.waitForSelector('[role=application]');
    const box = await pad?.boundingBox();
    if (!box) throw new Error('There is no pad.');
    const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
    await page.mouse.move(...at(0.5, 0.2));
    await page.mouse.down();
    await page.mouse.move(...at(0.5, 0.8), { steps: 8 });
    await page.mouse.up();
    for (const kind of ['Float', 'Int8'])
      await saysInFirefox(page, '[role=status]', new RegExp(`${kind} says 1, \\d+\\s%`));
  });
});
