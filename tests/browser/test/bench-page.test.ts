import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { serve } from '@octet/example-digits/serve';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { barriers, openPage } from '../src/open-page';

// The page of apps/bench as it was built, under a path of its own.

const built = path.resolve(import.meta.dirname, '../../../apps/bench/dist/page');

/** A trained network, and digits. */
const [digitsFile, digitsInputs] = ['digits.onnx', 'digits.safetensors'].map((name) =>
  path.resolve(built, '../../../studio/src/samples', name),
);

/** Of one operator: see the script beside it. */
const reluFile = path.resolve(import.meta.dirname, '../fixtures/relu.tflite');

/** A backend with one wrong kernel. */
const wrongBackend = path.resolve(built, '../../test/fixtures/wrong-backend.mjs');

describe.skipIf(!executablePath)('the bench page', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await launch();
    folder = await mkdtemp(path.join(tmpdir(), 'octet-bench-page-'));
    await cp(built, path.join(folder, 'under/a/path'), { recursive: true });
    await cp(wrongBackend, path.join(folder, 'under/a/path/wrong.js'));
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  const open = async (query = '', { isolated = true, on = browser, ...options }: Options = {}) => {
    const server = await serve(folder, { isolated });
    onTestFinished(() => server.close());
    return openPage(on, `${server.url}under/a/path/${query}`, options);
  };

  const outcome = (page: Page, text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();

  const download = async (page: Page, name: string) => {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name, exact: true }).click(),
    ]);
    return readFile(await file.path(), 'utf8');
  };

  test('runs, shows, exports, and runs again from its link', async () => {
    const page = await open('', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByLabel('Network').selectOption('digits');
    await page.getByLabel('Timed runs').fill('2');
    await page.getByLabel('Threads').fill('2');
    expect(await page.getByLabel('Height and width').inputValue()).toBe('28');
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Done. All 2 backends (wasm and js) gave the same integers.');
    // Nothing that was pressed lost the focus.
    expect(await focused(page)).toBe('run');

    const table = page.getByRole('table', { name: 'Milliseconds by backend' });
    expect(await table.getByRole('rowheader').allTextContents()).toEqual(['wasm', 'js']);
    const integers = await table.getByRole('cell', { name: /^[0-9a-f]{8}$/ }).allTextContents();
    expect(new Set(integers).size).toBe(1);
    for (const chart of ['time by backend', 'Size of the checkpoints', 'time by layer on wasm'])
      await page.getByRole('img', { name: chart }).waitFor();
    await page.getByRole('combobox', { name: /^On/ }).selectOption('js');
    await page.getByRole('img', { name: 'time by layer on js' }).waitFor();

    const report = JSON.parse(await download(page, 'Download JSON'));
    const plan = { model: 'digits', backends: ['wasm', 'js'], batch: 1, size: 28, runs: 2, threads: 2 };
    expect(report).toMatchObject({
      command: 'compare',
      ...plan,
      absent: [],
      agreement: { against: 'js', same: true, differ: [] },
      host: { crossOriginIsolated: true },
    });
    for (const result of report.results) {
      expect(result.fp32.medianMs).toBeGreaterThan(0);
      expect(result.int8.minMs).toBeLessThanOrEqual(result.int8.medianMs);
      expect(result.layers.length).toBeGreaterThan(10);
    }
    expect(report.results[0]).toMatchObject({ name: 'wasm-simd', info: { threads: 2 } });
    // The names of the classes, which the build minifies; when, and with which version.
    const types = report.results[0].layers.map(({ type }: { type: string }) => type);
    expect(types).toContain('QuantizedConvReLU2d');
    expect(report).toMatchObject({
      date: expect.stringMatching(/^\d{4}-.*Z$/),
      version: expect.stringMatching(/^\d+\./),
    });
    const markdown = await download(page, 'Download Markdown');
    expect(markdown).toMatch(/; Octet \d+\.\d+\.\d+, \d{4}-\d\d-\d\d\.$/m);
    expect(markdown).toContain('# Digit classifier, 1 image of 28 × 28');
    expect(markdown).toMatch(/^\| wasm \|( [\d.]+×? \|){5} [0-9a-f]{8} \|$/m);
    expect(await barriers(page)).toEqual([]);

    await page.getByRole('button', { name: 'Copy link' }).click();
    await outcome(page, 'Copied.');
    await page.goto(await page.evaluate(() => navigator.clipboard.readText()));
    await outcome(page, 'Done.');
    expect(JSON.parse(await download(page, 'Download JSON'))).toMatchObject({
      ...plan,
      results: [{ checksum: integers[0] }, { checksum: integers[0] }],
    });
  });

  test('a run can be cancelled, and another started', async () => {
    const page = await open('?model=digits&backends=js&runs=1000&run');
    await page.getByLabel(/js: run \d+ of 1000/).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await outcome(page, 'Cancelled.');

    // One call of this takes longer than anyone waits.
    await page.getByLabel('Network').selectOption('mobilenetv2');
    await page.getByLabel('Images at once').fill('8');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByLabel('js: warming up').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await outcome(page, 'Cancelled.');

    await page.getByLabel('Network').selectOption('digits');
    await page.getByLabel('Timed runs').fill('1');
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Only js ran');
  });

  test('a backend of one’s own: of this origin, and held against the others', async () => {
    const page = await open('?model=digits&backends=js,./wrong.js&runs=1&run');
    // A link alone runs nobody's code.
    const own = page.getByLabel('A backend of your own');
    expect(await own.inputValue()).toBe('./wrong.js');
    await page.getByText('this browser has it', { exact: true }).waitFor();
    expect(await page.getByRole('progressbar').count()).toBe(0);
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'The integers differ from those of js: ./wrong.js (first at layers.4');

    for (const elsewhere of ['https://example.com/wrong.js', 'data:text/javascript,', 'blob:null/1']) {
      await own.fill(elsewhere);
      await page.getByRole('button', { name: 'Run' }).click();
      await page
        .getByRole('alert')
        .filter({ hasText: `'${elsewhere}' is not of this page's origin` })
        .waitFor();
    }
  });

  test('says what a link asks for that can’t be', async () => {
    const page = await open('?model=vgg&batch=0&run');
    const text = await page.getByRole('alert').textContent();
    expect(text).toContain("a network 'vgg', which is not there");
    expect(text).toContain('“Images at once” 0, not a whole number from 1 to 256');
    await page.getByLabel('Images at once').fill('');
    await page.getByRole('button', { name: 'Run' }).click();
    const alert = page
      .getByRole('alert')
      .filter({ hasText: '“Images at once” takes a whole number from 1 to 256.' });
    await alert.waitFor();
    const field = page.getByLabel('Images at once');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    const about = await field.getAttribute('aria-describedby');
    expect(await page.locator(`#${about}`).textContent()).toContain('Images at once');
    expect(await focused(page)).toBe('batch');
    expect(await barriers(page)).toEqual([]);
  });

  test('says which backends did not run', async () => {
    const page = await open('?model=digits&backends=wasm,js,./wrong.js&runs=1');
    await page.getByLabel('A backend of your own').fill('./nope.txt');
    // The page says so; the browser's console does too.
    page.removeAllListeners('console');
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Ended, not as asked. wasm and js gave the same integers. ./nope.txt did not run.');
    expect(await page.locator('.verdict').count()).toBe(0);
  });

  test('more threads than cores are said to be of no use', async () => {
    const page = await open('?model=digits&backends=wasm&runs=1&threads=64&run');
    await outcome(page, 'Only wasm ran');
    await page
      .getByText(/^64 threads share \d+ cores?: more threads than cores make nothing faster/)
      .waitFor();
  });

  test('Escape cancels, and the focus goes to Cancel and back', async () => {
    const page = await open('?model=digits&backends=js&runs=1000');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByLabel(/js: run \d+ of 1000/).waitFor();
    expect(await focused(page)).toBe('cancel');
    await page.keyboard.press('Escape');
    await outcome(page, 'Cancelled.');
    expect(await focused(page)).toBe('run');
  });

  test('an ONNX file of one’s own, beside other engines, which compute the same', async () => {
    const page = await open('?backends=wasm,js&runs=2&engines=onnxruntime-web,litert.js');
    await page.locator('input[name=file]').waitFor({ state: 'detached' });
    await page.getByRole('combobox', { name: 'Network' }).selectOption('An ONNX file of your own');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('alert').filter({ hasText: 'Choose an ONNX file.' }).waitFor();
    expect(await focused(page)).toBe('file');
    await page.locator('input[name=file]').setInputFiles([digitsFile]);
    await page.getByTestId('own').filter({ hasText: 'digits.onnx; random inputs' }).waitFor();
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Done. All 2 backends (wasm and js) gave the same integers.');
    await page.getByText('Its inputs are random numbers').waitFor();
    const table = page.getByRole('table', { name: 'Milliseconds by engine' });
    const rows = (await table.getByRole('row').allInnerTexts()).slice(1).map((row) => row.split('\t'));
    expect(rows.map(([engine, dtype]) => `${engine} ${dtype}`).sort()).toEqual([
      'octet float32',
      'octet int8',
      'onnxruntime-web float32',
      'onnxruntime-web int8',
    ]);
    for (const [engine, dtype, , , , agrees] of rows)
      expect(Number(agrees), `${engine} ${dtype}`).toBeGreaterThan(dtype === 'int8' ? 0.99 : 0.9999);
    await page
      .getByText('litert.js did not run in float32 and int8: it reads TensorFlow Lite files')
      .waitFor();
    expect(await barriers(page)).toEqual([]);

    // With inputs of one's own it says nothing of random ones; no link has the file.
    await page.locator('input[name=file]').setInputFiles([digitsInputs]);
    await page.getByTestId('own').filter({ hasText: 'digits.onnx; inputs: digits.safetensors' }).waitFor();
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Done.');
    expect(await page.getByText('Its inputs are random numbers').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Copy link' }).count()).toBe(0);
    expect(JSON.parse(await download(page, 'Download JSON'))).toMatchObject({
      model: 'own',
      own: { name: 'digits.onnx', shapes: [[1, 1, 28, 28]], inputs: 'given' },
    });
    expect(new URL(page.url()).search).toBe('');
  });

  test('LiteRT.js runs a TensorFlow Lite file that is given beside an ONNX file', async () => {
    const page = await open('?backends=wasm&runs=2&engines=litert.js');
    // LiteRT.js tells the console of each accelerator that it looks for.
    page.removeAllListeners('console');
    await page.getByRole('combobox', { name: 'Network' }).selectOption('An ONNX file of your own');
    await page.locator('input[name=file]').setInputFiles([digitsFile, reluFile]);
    await page.getByTestId('own').filter({ hasText: 'relu.tflite' }).waitFor();
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Only wasm ran');
    const table = page.getByRole('table', { name: 'Milliseconds by engine' });
    const row = table.getByRole('row', { name: /^litert.js float32/ });
    const cells = await row.getByRole('cell').allTextContents();
    expect(cells.join(' ')).toMatch(/\d+\.\d+/);
    await page.getByText('litert.js did not run in int8: it reads TensorFlow Lite files alone').waitFor();
  });

  test('TensorFlow.js runs what it has, and nothing is loaded of engines that were not asked for', async () => {
    const page = await open('?model=digits&backends=wasm&runs=1');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Only wasm ran');
    expect(asked.filter((url) => /\/ort\.|litert|tfjs/.test(url))).toEqual([]);
    await page.getByRole('checkbox', { name: 'TensorFlow.js' }).check();
    await page.getByRole('button', { name: 'Run' }).click();
    const table = page.getByRole('table', { name: 'Milliseconds by engine' });
    expect(await table.getByRole('row', { name: /^tfjs float32/ }).textContent()).toContain('1.0000');
    await page.getByText('tfjs did not run in int8: it has no int8 on WebAssembly.').waitFor();
    expect(asked.filter((url) => /ort-wasm|litert/.test(url))).toEqual([]);
  });

  test('works without isolation and without WebGPU, and says why there is less', async () => {
    const page = await open('?model=digits&backends=wasm&runs=1&threads=2&run', { isolated: false });
    await outcome(page, 'Only wasm ran');
    await page.getByText(/^wasm ran on 1 thread: the page is not cross-origin isolated/).waitFor();
    const machine = page.getByRole('region', { name: 'What this browser can do' });
    const rows = (await machine.locator('dl > div').allTextContents()).join('\n');
    expect(rows).toMatch(/^Threadsno one thread: the page is not cross-origin isolated/m);
    expect(rows).toMatch(/^WebGPUno this browser /m);
    expect(rows).toMatch(/^Cross-origin isolatedno the server did not send/m);
  });

  test('offers WebGPU where there is a GPU, which gives the same integers', async () => {
    const on = await launch({ webgpu: true });
    onTestFinished(() => on.close());
    const page = await open('', { on });
    // This one is made of software: it isn't chosen by itself, and is called what it is.
    await page.getByText('Software, not a GPU').first().waitFor();
    await page.getByRole('checkbox', { name: 'WebGPU', checked: false }).check();
    await page.getByLabel('Network').selectOption('digits');
    await page.getByLabel('Timed runs').fill('1');
    await page.getByRole('button', { name: 'Run' }).click();
    await outcome(page, 'Done. All 3 backends (wasm, js and webgpu) gave the same integers.');
    await page.getByText(/^webgpu ran on software/).waitFor();
    const table = page.getByRole('table', { name: 'Milliseconds by backend' });
    expect(await table.getByRole('rowheader').allTextContents()).toEqual(['wasm', 'js', 'webgpu']);
  });

  test('fits a phone, in the dark, for everyone', async () => {
    const viewport = { width: 390, height: 800 };
    const page = await open('?model=digits&backends=js&runs=1&run', { colorScheme: 'dark', viewport });
    await outcome(page, 'Only js ran');
    await page.getByText('The layers of all backends as a table').click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    expect(await barriers(page)).toEqual([]);
  });
});

/** The name of the field or button that has the focus. */
function focused(page: Page): Promise<string | null | undefined> {
  return page.evaluate(() => document.activeElement?.getAttribute('name'));
}

interface Options extends BrowserContextOptions {
  isolated?: boolean;
  on?: Browser;
}
