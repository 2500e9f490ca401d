import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { serve } from '@octet/example-digits/serve';
import { parseSafetensors, serializeSafetensors } from '@octet/formats';
import { Conv2d, ReLU, Sequential } from '@octet/nn';
import { exportOnnx, importOnnx } from '@octet/onnx';
import { noGrad, rand, type Tensor } from '@octet/tensor';
import { squeezenet11 } from '@octet/vision';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { barriers, openPage } from '../src/open-page';
import { weightOf } from '../src/weight';

// The page of apps/studio as it was built, under a path of its own: page/.

const built = path.resolve(import.meta.dirname, '../../../apps/studio/dist');

test('weighs less than 30 kB before a model', async () => {
  expect(await readdir(path.join(built, 'page/assets'))).toContainEqual(
    expect.stringMatching(/^worker-.*\.js$/),
  );
  expect(await weightOf(built)).toBeLessThan(30_000);
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
    await page.getByRole('button', { name: 'Make it int8' }).click();
    await page.getByRole('heading', { name: /^\d+\.\d dB in the worst output$/ }).waitFor();
    await idle(page);
    expect(await page.locator('pre').first().textContent()).toBe(
      'npx octet quantize digits.onnx --data inputs/ -o digits.int8.onnx',
    );
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
    const weights = parseSafetensors(
      new Uint8Array(await download(page, 'Download its weights as safetensors')),
    );
    expect(Object.values(weights.toStateDict()).map(({ dtype }) => dtype)).toContain('qint8');
  });

  test('a costly layer stays in float, and a link says so and opens the model', {
    timeout: 180_000,
  }, async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Handwritten digits' }).click();
    await page.getByTestId('samples').filter({ hasText: '64 inputs.' }).waitFor();
    await page.getByRole('button', { name: 'Make it int8' }).click();
    const costs = page.getByRole('region', { name: 'Layers that cost most' });
    const row = costs.getByRole('row').filter({ hasText: 'ConvReLU2d' }).first();
    const path = await row.getByRole('rowheader').textContent();
    await idle(page);
    await row.getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Make it once more, with 1 of them in float' }).click();
    await page.getByText(/functions that stay in float: 1$/).waitFor();
    await idle(page);
    expect(
      await costs
        .getByRole('row')
        .filter({ hasText: path ?? '' })
        .getByRole('checkbox')
        .isChecked(),
    ).toBe(true);
    const { hash } = new URL(page.url());
    expect(new URLSearchParams(hash.slice(1)).getAll('exclude')).toEqual([path]);

    const linked = await open({}, hash);
    await linked.getByTestId('samples').filter({ hasText: '64 inputs.' }).waitFor();
    expect(await linked.locator('pre').count()).toBe(0);
    await linked.getByRole('button', { name: 'Make it int8' }).click();
    await linked.getByText(/functions that stay in float: 1$/).waitFor();
    expect(await linked.locator('pre').first().textContent()).toContain(`--exclude ${path} `);
  });

  test('pictures that the page draws are inputs of the detector of text', { timeout: 120_000 }, async () => {
    const page = await open({}, '#model=text&size=64&pixels=imagenet&bgr=1');
    await page.getByTestId('samples').filter({ hasText: '16 inputs.' }).waitFor({ timeout: 100_000 });
    expect(await page.getByRole('heading', { name: 'text-detection.onnx' }).count()).toBe(1);
    expect(await page.getByText('Layers: ').textContent()).toMatch(/^Layers: 1\d\d$/);
  });

  test('without isolation it says that there is one thread, and why', async () => {
    const server = await serve(built, { isolated: false });
    onTestFinished(() => server.close());
    const page = await openPage(browser, `${server.url}page/`);
    await page.getByRole('button', { name: 'Handwritten digits' }).click();
    await page
      .locator('.note')
      .filter({ hasText: 'one thread: the page is not cross-origin isolated' })
      .waitFor();
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
    await page.getByRole('button', { name: 'Other ranges' }).click();
    await page
      .locator('pre')
      .first()
      .filter({ hasText: '--target 200dB --budget 60 --cures ranges' })
      .waitFor();
    expect(await page.locator('pre').nth(1).textContent()).toContain(
      '{ data, target: 200, budget: 60, cures: ["ranges"] }',
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
    await idle(page);
    await page
      .locator('input[type=file]')
      .nth(1)
      .setInputFiles([file('noise.png'), file('noise.txt')]);
    await page.getByRole('alert').filter({ hasText: 'noise.png' }).filter({ hasText: 'noise.txt' }).waitFor();
    expect(await page.getByTestId('samples').textContent()).toBe('64 inputs.');
  });

  test('what a model leaves open is said where one is, on a phone', async () => {
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const model = new Sequential(new Conv2d(3, 4, 3)).eval();
    const sized = Buffer.from(await exportOnnx(model, rand([1, 3, 200, 200])));
    // A size of 200 as the file has it, and a name in its place.
    const onnx = Buffer.from(
      sized.toString('latin1').replaceAll('\x0a\x03\x08\xc8\x01', '\x0a\x03\x12\x01n'),
      'latin1',
    );
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles({ name: 'open.onnx', mimeType: 'application/octet-stream', buffer: onnx });
    await page.getByRole('heading', { name: 'open.onnx' }).waitFor();
    await page.getByRole('button', { name: 'Use random inputs' }).click();
    const alert = page.getByRole('alert').filter({ hasText: 'leaves the sizes of' });
    await alert.waitFor();
    expect(await alert.textContent()).not.toContain('--');
    const { y } = (await alert.boundingBox()) ?? { y: -1 };
    expect(y).toBeGreaterThanOrEqual(0);
    await page.getByRole('textbox', { name: 'Height and width' }).fill('8');
    await page.getByRole('button', { name: 'Use random inputs' }).click();
    await page.getByTestId('samples').filter({ hasText: '12 random inputs.' }).waitFor();
  });

  test('weights of a network that the page knows are a model, and are given back as one', {
    timeout: 120_000,
  }, async () => {
    const page = await open();
    const state = squeezenet11({ numClasses: 2 }).stateDict();
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles({
        name: 'mine.safetensors',
        mimeType: 'application/octet-stream',
        buffer: Buffer.from(serializeSafetensors(state)),
      });
    await page.getByText('Weights of SqueezeNet 1.1').waitFor({ timeout: 100_000 });
    await idle(page);
    const given = await importOnnx<Tensor>(new Uint8Array(await download(page, 'Download it as mine.onnx')));
    expect(given.parameters().reduce((sum, p) => sum + p.numel, 0)).toBeGreaterThan(700_000);
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
