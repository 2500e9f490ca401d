import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { serve } from '@octet/example-digits/serve';
import { Conv2d, ReLU, Sequential } from '@octet/nn';
import { exportOnnx, importOnnx } from '@octet/onnx';
import { noGrad, rand, type Tensor } from '@octet/tensor';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { barriers, openPage } from '../src/open-page';

// The page of apps/studio as it was built, under a path of its own: page/.

const built = path.resolve(import.meta.dirname, '../../../apps/studio/dist');

test('weighs less than 30 kB before a model', async () => {
  const html = await readFile(path.join(built, 'page/index.html'), 'utf8');
  const names = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name]) => name);
  const files = ['index.html', ...names.filter((name) => /\.(js|css|svg)$/.test(name))];
  expect(files.length).toBeGreaterThan(2);
  expect(await readdir(path.join(built, 'page/assets'))).toContainEqual(
    expect.stringMatching(/^worker-.*\.js$/),
  );
  const sizes = files.map(async (name) => gzipSync(await readFile(path.join(built, 'page', name))).length);
  expect((await Promise.all(sizes)).reduce((a, b) => a + b)).toBeLessThan(30_000);
});

describe.skipIf(!executablePath)('the studio', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  async function open(options?: BrowserContextOptions, hash = ''): Promise<Page> {
    const server = await serve(built, { isolated: true });
    onTestFinished(() => server.close());
    return openPage(browser, `${server.url}page/${hash}`, options);
  }

  const idle = (page: Page) => page.locator('.working[data-busy=false]').waitFor({ state: 'attached' });

  async function download(page: Page, button: string | RegExp): Promise<Buffer> {
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: button }).click();
    return readFile(await (await waiting).path());
  }

  test('the model of the page: int8, side by side, and a file that gives nearly the same', {
    timeout: 180_000,
  }, async () => {
    const page = await open();
    expect(await barriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Handwritten digits' }).click();
    await page.getByTestId('samples').filter({ hasText: '64 inputs.' }).waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    await page.getByRole('img', { name: /The graph in \d+ parts/ }).waitFor();
    await page.getByRole('button', { name: 'By the recipe alone' }).click();
    await page.getByRole('heading', { name: /^\d+\.\d dB in the worst output$/ }).waitFor();
    await idle(page);
    for (const name of ['output in float', 'output in int8'])
      expect(await page.getByRole('table', { name }).locator('.best th').textContent()).toBe('3');
    await page.getByRole('combobox', { name: 'Input that is shown' }).selectOption('2');
    await idle(page);
    expect(await barriers(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await barriers(page)).toEqual([]);

    const int8 = await importOnnx<Tensor>(
      new Uint8Array(await download(page, /^Download digits.int8.onnx$/)),
    );
    expect(noGrad(() => int8.call(rand([1, 1, 28, 28]))).shape).toEqual([1, 10]);
    expect((await download(page, 'Download the report')).toString()).toContain('digits.onnx in int8');
  });

  test('a model and arrays of one’s own, with a target, on a phone', async () => {
    const page = await open(
      { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
      '#target=20',
    );
    const model = new Sequential(new Conv2d(3, 4, 3, { padding: 1 }), new ReLU()).eval();
    const buffer = Buffer.from(await exportOnnx(model, rand([1, 3, 8, 8])));
    const file = (name: string, content: Buffer) => ({
      name,
      mimeType: 'application/octet-stream',
      buffer: content,
    });
    await page.locator('input[type=file]').first().setInputFiles(file('mine.onnx', buffer));
    await page.getByRole('heading', { name: 'mine.onnx' }).waitFor();
    await page.getByRole('button', { name: 'Use random inputs' }).click();
    await page.getByText('nothing of how good').waitFor();
    await page.getByRole('button', { name: 'Do what is needed for 20 dB' }).click();
    await page.getByRole('heading', { name: /dB in the worst output$/ }).waitFor();
    await idle(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    expect(await barriers(page)).toEqual([]);
    expect(await page.locator('pre').first().textContent()).toBe(
      'npx octet quantize mine.onnx --data random --target 20dB --budget 60 -o mine.int8.onnx',
    );
  });

  test('what is no model, and what is no input for it, is said', async () => {
    const page = await open();
    const file = (name: string) => ({
      name,
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('nothing'),
    });
    await page.locator('input[type=file]').first().setInputFiles(file('broken.onnx'));
    await page.getByRole('alert').filter({ hasText: 'importOnnx: expected' }).waitFor();
    await page.getByRole('button', { name: 'Handwritten digits' }).click();
    await page.getByTestId('samples').filter({ hasText: '64 inputs.' }).waitFor();
    await page
      .locator('input[type=file]')
      .nth(1)
      .setInputFiles([file('noise.png'), file('noise.txt')]);
    await page.getByRole('alert').filter({ hasText: 'noise.png' }).filter({ hasText: 'noise.txt' }).waitFor();
    expect(await page.getByTestId('samples').textContent()).toBe('64 inputs.');
  });

  test('training can be cancelled', async () => {
    const page = await open({}, '#target=90');
    await page.getByRole('button', { name: 'Handwritten digits' }).click();
    await page.getByTestId('samples').filter({ hasText: '64 inputs.' }).waitFor();
    await page.getByRole('button', { name: 'Do what is needed for 90 dB' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('alert').filter({ hasText: 'Cancelled.' }).waitFor();
    await idle(page);
  });
});
