// The int8 kernels in another Node than this one, whose products of bytes are of another kind: scripts/test-arm64.mjs and scripts/test-vnni.mjs
// make one each.

import TotalsReporter from '@octet/build/totals';
import { project } from '@octet/build/vitest';
import { defineConfig } from 'vitest/config';

const { OCTET_OTHER_NODE: node, OCTET_OTHER_DOT: dot } = process.env;
if (!node) throw new Error('Run it by pnpm test:arm64 or pnpm test:vnni.');
// Workers of vitest are started by it; vitest itself runs on this machine's own Node.
process.execPath = node;

/** One of V8's compilers alone: they make different instructions of a product. */
const compiler = (name: string, flag: string) =>
  project(`${dot}-${name}`, {
    include: ['test/other-node.ts', 'test/int8-property.test.ts'],
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
