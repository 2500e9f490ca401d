import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';

// The package as a program has it: bundled, in a process of its own, as ES module and as CommonJS, in the Node that runs
// the tests and in the machine's own.

const folder = mkdtempSync(path.join(os.tmpdir(), 'octet-wasm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const machines = (process.env.PATH ?? '')
  .split(path.delimiter)
  .map((directory) => path.join(directory, 'node'))
  .filter((file) => existsSync(file))
  .map((file) => realpathSync(file))
  .find((file) => !file.includes('node_modules'));
const nodes = [...new Set([process.execPath, ...(machines ? [machines] : [])])];

async function bundle(name: string, format: 'esm' | 'cjs', body: string): Promise<string> {
  const outfile = path.join(folder, `${name}.${format === 'esm' ? 'mjs' : 'cjs'}`);
  await build({
    stdin: {
      contents: `import { createWasmBackend } from './src/index';
        import { dispatch } from '@octet/backend';
        (async () => { ${body} })();`,
      resolveDir: path.resolve(import.meta.dirname, '..'),
      loader: 'ts',
    },
    outfile,
    bundle: true,
    format,
    platform: 'node',
    conditions: ['@octet/source'],
  });
  return outfile;
}

function run(node: string, file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(node, [file], { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
      else resolve(stdout.trim());
    });
  });
}

const useIt = `
  const backend = await createWasmBackend({ threads: 2, maxGrain: 1 });
  await backend.ready;
  const tensor = (n) => ({ buffer: backend.allocate('float32', n), dtype: 'float32', shape: [n] });
  const [a, b, y] = [tensor(100000), tensor(1), tensor(100000)];
  backend.write(a.buffer, new Float32Array(100000).fill(1));
  backend.write(b.buffer, Float32Array.of(2));
  for (let i = 0; i < 20; i++) dispatch(backend, 'add', { a, b }, { y }, {});
  console.log(backend.info().threads, backend.readSync(y.buffer, 100000).reduce((s, v) => s + v, 0));
`;

describe.each(nodes)('%s', (node) => {
  it.each(['esm', 'cjs'] as const)(
    'runs on two threads as %s, and ends though nobody disposed it',
    async (format) => {
      const file = await bundle('use', format, useIt);
      expect(await run(node, file)).toBe('2 300000');
    },
  );

  it('ends at once after dispose, and while workers are still starting', async () => {
    const file = await bundle(
      'dispose',
      'esm',
      `${useIt} backend.dispose(); const late = await createWasmBackend({ threads: 4 }); console.log('end');`,
    );
    expect(await run(node, file)).toBe('2 300000\nend');
  });
});
