import path from 'node:path';
import TotalsReporter from '@octet/build/totals';
import { project } from '@octet/build/vitest';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { executablePath, webgpuArgs } from './src/chromium.ts';

// One file at a time: a page by itself takes all cores, and some wait for what they measure.
const examples = project('browser', {
  testTimeout: 180_000,
  hookTimeout: 120_000,
  maxWorkers: 1,
  expect: { poll: { timeout: 30_000 } },
});

/** The tests of the backend that need nothing of Node, inside of Chromium. */
const webgpu = {
  ...project('webgpu-browser', {
    include: ['test/{conformance,conformance-training,conformance-plain,create,commands,plan}.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath, args: [...webgpuArgs] } }),
      instances: [{ browser: 'chromium' as const }],
    },
  }),
  root: path.resolve(import.meta.dirname, '../../packages/backend-webgpu'),
};

export default defineConfig({
  test: {
    projects: executablePath ? [examples, webgpu] : [examples],
    reporters: ['default', new TotalsReporter()],
  },
});
