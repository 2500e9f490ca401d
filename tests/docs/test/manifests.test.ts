import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../src/markdown';

// What npm shows of a package, and what its provenance is checked against.

const read = (folder: string) => JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
const repository = read('.');
/** The one place where the address of this repository stands. */
const home: string = repository.repository.url.replace(/^git\+|\.git$/g, '');

const folders = readdirSync(path.join(root, 'packages'))
  .map((name) => `packages/${name}`)
  .filter((folder) => existsSync(path.join(root, folder, 'package.json')) && !read(folder).private);

test('the repository has an address', () => {
  expect(repository).toMatchObject({
    homepage: `${home}#readme`,
    bugs: `${home}/issues`,
    repository: { type: 'git', url: expect.stringMatching(/^git\+https:.*\.git$/) },
  });
});

describe.each(folders)('%s', (folder) => {
  test('tells npm where it comes from', () => {
    expect(read(folder)).toMatchObject({
      // All packages as one have no scope.
      name: folder === 'packages/octet' ? 'octet' : `@octet/${path.basename(folder)}`,
      description: expect.stringMatching(/Octet.*\.$/),
      license: 'MIT',
      homepage: `${home}/tree/main/${folder}#readme`,
      bugs: `${home}/issues`,
      repository: { ...repository.repository, directory: folder },
      publishConfig: { access: 'public' },
    });
  });

  test('has keywords, and ships its changelog', () => {
    const { keywords, files } = read(folder);
    expect(keywords).toEqual(expect.arrayContaining(['octet', 'int8', 'quantization', 'neural-network']));
    expect(new Set(keywords).size).toBe(keywords.length);
    expect(files).toEqual(expect.arrayContaining(['dist', 'src', 'CHANGELOG.md']));
  });
});
