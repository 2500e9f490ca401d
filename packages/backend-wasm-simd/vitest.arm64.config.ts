// The int8 kernels in Node for arm64, whose products of bytes are 'signed'. scripts/test-arm64.mjs puts the emulator together.

import TotalsReporter from '@octet/build/totals';
import { project } from '@octet/build/vitest';
import { defineConfig } from 'vitest/config';

const node = process.env.OCTET_ARM64_NODE;
if (!node) throw new Error('Run it by pnpm test:arm64.');
// Workers of vitest are started by it; vitest itself runs on this machine's own Node.
process.execPath = node;

/** One of V8's compilers alone: they make different instructions of a product. */
const compiler = (name: string, flag: string) =>
  project(`arm64-${name}`, {
    include: ['test/arm64.ts', 'test/int8-property.test.ts'],
    globalSetup: './scripts/build-wasm.mjs',
    setupFiles: '@octet/build/expose-gc',
    pool: 'forks',
    execArgv: [flag],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  });

export default defineConfig({
  test: {
    projects: [compiler('first', '--liftoff-only'), compiler('optimizing', '--no-liftoff')],
    maxWorkers: 2,
    reporters: ['default', new TotalsReporter()],
  },
});
