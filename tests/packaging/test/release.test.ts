import path from 'node:path';
import { publicPackages } from '@octet/release/pack';
import { expect, test } from 'vitest';
import { root, run } from '../src/workspace';

test('a dry run of the release versions, builds, packs and would publish every package, with its changelog', async () => {
  const script = path.join(root, 'tooling/release/release.mjs');
  // npm tells on standard error what is in a tarball.
  const said = await run(root, '/bin/sh', '-c', `"${process.execPath}" "${script}" --dry-run 2>&1`);
  const packages = publicPackages(root);
  expect(
    said
      .match(/^would publish (.*)$/m)?.[1]
      .split(', ')
      .map((text) => text.split(' ')[0]),
  ).toEqual(packages.map(({ name }) => name));
  expect(said.match(/^\+ (@octet\/[\w-]+|octet)@\d+\.\d+\.\d+$/gm)).toHaveLength(packages.length);
}, 1_200_000);

test('each package comes after those that it needs', () => {
  const names = publicPackages(root).map(({ name }) => name);
  for (const [i, { needs }] of publicPackages(root).entries()) {
    expect(needs.filter((name) => names.indexOf(name) >= i)).toEqual([]);
  }
});
