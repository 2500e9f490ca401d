import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { load } from '@octet/formats';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
let out: string;

beforeAll(async () => {
  out = await mkdtemp(path.join(tmpdir(), 'octet-seed-'));
});
afterAll(() => rm(out, { recursive: true }));

/** Says at the end how many kB of memory the process held at most. */
const peak =
  'data:text/javascript,process.on("exit",()=>console.error("peak",process.resourceUsage().maxRSS))';

const seed = (...flags: string[]) => {
  const runner = path.join(root, 'node_modules/@octet/build/run.mjs');
  return run(process.execPath, ['--import', peak, runner, 'src/index.ts', ...flags], { cwd: root });
};

test('trains in 350 MB, converts, times and saves', async () => {
  const { stdout, stderr } = await seed('--batch', '2', '--size', '16', '--runs', '1', '--out', out);
  expect(stdout).toMatch(/Training 100\/100, loss \d/);
  expect(Number(/peak (\d+)/.exec(stderr)?.[1]) * 1024).toBeLessThan(350e6);
  expect(stdout).toMatch(/^Time consumption: fp32 [\d.]+ s, int8 [\d.]+ s, speedup [\d.]+$/m);
  expect(stderr.match(/plain observers/g)).toHaveLength(1);
  expect((await readdir(out)).sort()).toEqual([
    'fp32.safetensors',
    'fp32_prepared.safetensors',
    'int8.safetensors',
  ]);
  const bytes = async (name: string) => (await stat(path.join(out, name))).size;
  expect((await bytes('int8.safetensors')) / (await bytes('fp32.safetensors'))).toBeLessThan(0.3);
  const int8 = await load(path.join(out, 'int8.safetensors'));
  expect(int8['layers.0.conv.0.0.weight'].dtype).toBe('qint8');
  expect(int8['layers.0.conv.0.0.weight'].shape).toEqual([6, 3, 1, 1]);
}, 120_000);

test('a flag that is no number is refused', async () => {
  await expect(seed('--runs', 'ten')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("not 'ten'"),
  });
});
