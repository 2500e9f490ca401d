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

/** `camera`: with one that shows a picture of its own, and is allowed. */
export function launch({ webgpu = false, camera = false } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      ...(webgpu ? webgpuArgs : [...chromiumArgs, '--disable-gpu']),
      ...(camera ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] : []),
    ],
  });
}
