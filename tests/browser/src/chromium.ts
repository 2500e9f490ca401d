import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The browser of this machine: CHROMIUM, or where systems put it. */
export const executablePath = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((file) => existsSync(file));

if (!executablePath) {
  const message =
    'There is no Chromium to run the pages in. On Debian: apt-get update && apt-get install -y chromium. ' +
    'Elsewhere, set CHROMIUM to the path of a Chromium or Chrome.';
  if (process.env.CI) throw new Error(message);
  console.warn(`${message} These tests are skipped.`);
}

const args = [
  ...['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--no-first-run'],
];

/** With WebGPU; without a GPU, on Chromium's software one. */
export const webgpuArgs: readonly string[] = [...args, '--enable-unsafe-webgpu'];

export function launch(options: { webgpu: boolean } = { webgpu: false }): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: options.webgpu ? [...webgpuArgs] : [...args, '--disable-gpu'],
  });
}
