import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWasm } from './build-wasm.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** They take one minute on two cores, and in an emulator no more. */
const limitMs = 15 * 60_000;

/**
 * Runs the int8 kernels in the Node whose path `make` gives, or says why not, if it throws. vitest.other-node.config.ts has the tests.
 * `dot`: the kind of products that it has; `where`: what stands for it in what is printed.
 */
export async function testInOtherNode(dot, where, make) {
  let node;
  try {
    node = make();
  } catch (error) {
    console.log(`int8 ${where} is not tested: ${error.message}`);
    if (process.env.OCTET_TOTALS) appendFileSync(process.env.OCTET_TOTALS, '0 passed, 0 failed, 1 skipped\n');
    return;
  }
  await buildWasm();
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const { status, error } = spawnSync(
    process.execPath,
    [vitest, 'run', '--config', 'vitest.other-node.config.ts'],
    {
      cwd: root,
      stdio: 'inherit',
      timeout: limitMs,
      env: { ...process.env, OCTET_OTHER_NODE: node, OCTET_OTHER_DOT: dot },
    },
  );
  if (error) console.error(`the tests ${where} did not end: ${error.message}`);
  process.exitCode = status ?? 1;
}
