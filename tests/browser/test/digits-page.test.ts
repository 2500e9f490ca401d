import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { serve } from '@octet/example-digits/serve';
import { parseSafetensors } from '@octet/formats';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { barriers, openPage } from '../src/open-page';

// The page of apps/digits as it was built, under a path of its own: page/.

const built = path.resolve(import.meta.dirname, '../../../apps/digits/dist');

test('weighs less than 420 kB with its models, MNIST apart', async () => {
  const files = (await readdir(built, { recursive: true, withFileTypes: true })).filter((file) =>
    file.isFile(),
  );
  const sizes = files
    .filter(({ name, parentPath }) => parentPath.startsWith(path.join(built, 'page')) && name !== 'mnist.bin')
    .map(async ({ parentPath, name }) => gzipSync(await readFile(path.join(parentPath, name))).length);
  const sum = (await Promise.all(sizes)).reduce((a, b) => a + b);
  expect(sum).toBeGreaterThan(100_000);
  expect(sum).toBeLessThan(420_000);
});

describe.skipIf(!executablePath)('the digits page', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  async function open({ isolated = true, webgpu = false } = {}) {
    const server = await serve(built, { isolated });
    onTestFinished(() => server.close());
    const chosen = webgpu ? await launch({ webgpu }) : browser;
    onTestFinished(() => (webgpu ? chosen.close() : undefined));
    return { page: await openPage(chosen, `${server.url}page/`), server };
  }

  const card = (page: Page, kind: 'Float' | 'Int8') => page.getByRole('region', { name: kind, exact: true });

  /** Waits until both models say this digit. */
  async function bothSay(page: Page, digit: number): Promise<void> {
    for (const kind of ['Float', 'Int8'] as const) {
      await card(page, kind).getByText(`says ${digit}`, { exact: true }).waitFor();
    }
  }

  /** Draws with the mouse, in parts of the pad. */
  async function draw(page: Page, [start, ...rest]: readonly (readonly [number, number])[]): Promise<void> {
    const box = await page.getByRole('application', { name: 'Drawing pad' }).boundingBox();
    if (!box) throw new Error('There is no pad.');
    const place = ([x, y]: readonly [number, number]) =>
      [box.x + x * box.width, box.y + y * box.height] as const;
    await page.mouse.move(...place(start));
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...place(point), { steps: 4 });
    await page.mouse.up();
  }

  const three = [
    ...([
      [0.33, 0.27],
      [0.4, 0.2],
      [0.5, 0.18],
      [0.6, 0.22],
      [0.65, 0.32],
      [0.6, 0.42],
    ] as const),
    ...([
      [0.48, 0.47],
      [0.6, 0.5],
      [0.68, 0.6],
      [0.66, 0.73],
      [0.55, 0.8],
      [0.42, 0.8],
      [0.33, 0.73],
    ] as const),
  ];

  test('a 3 drawn with the mouse is a 3 to both models', async () => {
    const { page } = await open();
    await draw(page, three);
    await bothSay(page, 3);
    for (const kind of ['Float', 'Int8'] as const) {
      expect(await card(page, kind).locator('.time').textContent()).toMatch(/^[\d.]+\sms$/);
      const bars = page.getByRole('table', { name: `Probabilities, ${kind}` });
      const percents = await bars.getByRole('cell').allTextContents();
      expect(percents).toHaveLength(10);
      expect(Number.parseInt(percents[3], 10)).toBeGreaterThan(50);
    }
    await page
      .getByRole('status')
      .filter({ hasText: /Float says 3, \d+\s%. Int8 says 3, \d+\s%./ })
      .waitFor();
    expect(await page.getByRole('table').filter({ hasText: 'Accuracy' }).textContent()).toMatch(
      /Float, 32 bits9\d\.\d\d\s%89\.1\skBInt89\d\.\d\d\s%29\.9\skB/,
    );
    expect(await barriers(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await barriers(page)).toEqual([]);

    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('draw a digit').first().waitFor();
  });

  test('a finger draws, and the page stays where it is', async () => {
    const server = await serve(built);
    onTestFinished(() => server.close());
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
    const page = await openPage(browser, `${server.url}page/`, phone);
    const box = await page.getByRole('application', { name: 'Drawing pad' }).boundingBox();
    if (!box) throw new Error('There is no pad.');
    const finger = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove', [x, y]: readonly [number, number]) =>
      finger.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: [{ x: box.x + x * box.width, y: box.y + y * box.height }],
      });
    await touch('touchStart', three[0]);
    for (const point of three.slice(1)) await touch('touchMove', point);
    await finger.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await bothSay(page, 3);
    expect(await page.evaluate(() => [scrollY, document.documentElement.scrollWidth])).toEqual([0, 390]);
  });

  test('a 1 drawn with keys, and an example, on the reference too', async () => {
    const { page } = await open();
    await page.getByText('draw a digit').first().waitFor();
    await page.keyboard.press('Tab');
    expect(await page.getByRole('application').evaluate((pad) => pad === document.activeElement)).toBe(true);
    await page.keyboard.press('Space');
    for (let i = 0; i < 9; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await bothSay(page, 1);
    await page.keyboard.press('Escape');
    await page.getByText('draw a digit').first().waitFor();

    await page.getByRole('button', { name: 'Example: a 7' }).press('Enter');
    await bothSay(page, 7);
    await page.getByRole('radio', { name: 'JavaScript, the reference' }).check();
    await page.getByText('exact and plain').waitFor();
    await page.getByRole('button', { name: 'Example: a 4' }).click();
    await bothSay(page, 4);
  });

  test('trains, pauses, finishes when asked, and gives the int8 checkpoint', async () => {
    const { page } = await open();
    await page.getByLabel('How long to train').selectOption('short');
    await page.getByRole('button', { name: 'Start training' }).click();
    const progress = page.getByRole('progressbar', { name: 'Training' });
    const step = () => progress.evaluate((bar: HTMLProgressElement) => bar.value);
    await expect.poll(step, { timeout: 30_000 }).toBeGreaterThan(10);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    // The step that was under way is the last one.
    await page.waitForTimeout(300);
    const paused = await step();
    expect(Number(await page.getByTestId('loss').textContent())).toBeGreaterThan(0);
    // The models still read.
    await page.getByRole('button', { name: 'Example: a 2' }).click();
    await bothSay(page, 2);
    expect(await step()).toBe(paused);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(step).toBeGreaterThan(paused + 5);
    for (const chart of ['Loss', 'Accuracy on held-out digits']) {
      await page.getByRole('img', { name: chart }).waitFor();
    }

    await page.getByRole('button', { name: 'Finish now' }).click();
    const link = page.getByRole('link', { name: 'Download int8' });
    await link.waitFor({ timeout: 30_000 });
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    expect(download.suggestedFilename()).toBe('digits-int8.safetensors');
    const file = parseSafetensors(await readFile(await download.path()));
    const shipped = parseSafetensors(
      await readFile(path.resolve(built, '../src/models/digits-int8.safetensors')),
    );
    expect(file.names()).toEqual(shipped.names());
    for (const name of file.names()) {
      expect([name, file.info(name).dtype, file.info(name).shape]).toEqual([
        ...[name, shipped.info(name).dtype, shipped.info(name).shape],
      ]);
    }
    expect(await barriers(page)).toEqual([]);

    await page.getByRole('button', { name: 'Use these models above' }).click();
    await page.getByText('These are the models you trained.').waitFor();
    await page.getByRole('button', { name: 'Use the shipped models again' }).click();
    await page.getByText('These are the models you trained.').waitFor({ state: 'detached' });
  });

  test('without isolation and WebGPU it says so, and reads on one thread', async () => {
    const { page } = await open({ isolated: false });
    await page.getByText('one thread: the page is not cross-origin isolated').waitFor();
    await page.getByText(/Not here: this browser has (no )?WebGPU/).waitFor();
    expect(await page.getByRole('radio', { name: 'WebGPU' }).isDisabled()).toBe(true);
    await draw(page, three);
    await bothSay(page, 3);
  });

  test('reads and trains on WebGPU', async () => {
    const { page } = await open({ webgpu: true });
    await page.getByRole('radio', { name: 'WebGPU' }).check();
    await page.getByRole('radio', { name: /^WebGPU on ./ }).waitFor();
    await draw(page, three);
    await bothSay(page, 3);
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByTestId('loss').waitFor({ timeout: 90_000 });
  });

  test('once loaded it works without a server', async () => {
    const { page, server } = await open();
    await page.getByText('works offline').waitFor();
    server.close();
    await page.reload();
    await draw(page, three);
    await bothSay(page, 3);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    // The digits to learn from were never loaded: said beside the button, with what to do.
    page.removeAllListeners('console');
    await page.getByRole('button', { name: 'Start training' }).click();
    const said = page.getByRole('region', { name: 'Train it yourself' }).getByRole('alert');
    expect(await said.textContent()).toContain('Connect to the network and start again');
  });
});
