import { chromiumAdvice, chromiumArgs, chromiumPath } from '@octet/web/chromium';
import { type Browser, chromium } from 'playwright-core';

export { chromiumPath as executablePath };

if (!chromiumPath) {
  const message = `There is no Chromium to run the pages in. ${chromiumAdvice}`;
  if (process.env.CI) throw new Error(message);
  console.warn(`${message} These tests are skipped.`);
}

/** With WebGPU; without a GPU, on Chromium's software one. */
export const webgpuArgs: readonly string[] = [...chromiumArgs, '--enable-unsafe-webgpu'];

export function launch(options: { webgpu: boolean } = { webgpu: false }): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: options.webgpu ? [...webgpuArgs] : [...chromiumArgs, '--disable-gpu'],
  });
}
