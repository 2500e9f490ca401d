import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { noGpu } from './adapter';

// The package as a program has it: bundled, in a process of its own.

const root = path.resolve(import.meta.dirname, '..');
// Below the package, where Node finds `webgpu`; and outside of it, where it doesn't.
const inside = mkdtempSync(path.join(root, 'node_modules', '.process-'));
const outside = mkdtempSync(path.join(os.tmpdir(), 'octet-webgpu-'));
afterAll(() => {
  for (const folder of [inside, outside]) rmSync(folder, { recursive: true, force: true });
});

async function run(folder: string, format: 'esm' | 'cjs', body: string): Promise<string> {
  const outfile = path.join(folder, format === 'esm' ? 'use.mjs' : 'use.cjs');
  await build({
    stdin: {
      contents: `import { createWebgpuBackend } from './src/index';
        (async () => { ${body} })();`,
      resolveDir: root,
      loader: 'ts',
    },
    outfile,
    bundle: true,
    format,
    platform: 'node',
    conditions: ['@octet/source'],
  });
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [outfile], { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
      else resolve(stdout.trim());
    });
  });
}

describe.skipIf(noGpu)('a program', () => {
  const useIt = `
    const backend = await createWebgpuBackend();
    const buffer = backend.allocate('int8', 3);
    backend.write(buffer, Int8Array.of(1, 2, 3));
    console.log(String(await backend.read(buffer, 3)));
  `;
  it.each(['esm', 'cjs'] as const)(
    'ends by itself as %s, though nobody disposed the backend',
    async (format) => {
      expect(await run(inside, format, useIt)).toBe('1,2,3');
    },
  );

  it('ends after dispose', async () => {
    expect(await run(inside, 'esm', `${useIt} backend.dispose(); console.log('end');`)).toBe('1,2,3\nend');
  });
});

it('without the package webgpu is told to install it', async () => {
  const told = await run(
    outside,
    'esm',
    `await createWebgpuBackend().catch((error) => console.log(error.name, error.message));`,
  );
  expect(told).toMatch(
    /^BackendError createWebgpuBackend: expected the package 'webgpu'.*npm install webgpu/s,
  );
});
