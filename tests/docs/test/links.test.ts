import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocksOf, documents, read, root } from '../src/markdown';

const { scripts, repository } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
/** Where this repository is on the web. */
const home: string = repository.url.replace(/^git\+|\.git$/g, '');
/** Of pnpm itself. */
const commands = ['install', 'exec', 'add', 'changeset', '--filter'];

/** The anchors of a document's headings, as code hosts make them. */
function anchorsOf(document: string): string[] {
  return [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The file that a link means, from the root of the repository. */
function targetOf(document: string, link: string): string {
  if (link === '') return document;
  if (link === home) return 'README.md';
  if (!link.startsWith(home)) return path.join(path.dirname(document), link);
  return link.slice(home.length).replace(/^\/(blob|tree)\/main\//, '');
}

describe.each(documents())('%s', (document) => {
  test('has no dead links', () => {
    const text = read(document).replace(/^```[\s\S]*?^```$/gm, '');
    const dead = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link)
      .filter((link) => link.startsWith(home) || !/^https?:/.test(link))
      .filter((link) => {
        const [file, anchor] = link.split('#');
        const target = targetOf(document, file);
        if (!existsSync(path.join(root, target))) return true;
        return anchor !== undefined && !anchorsOf(target).includes(anchor);
      });
    expect(dead).toEqual([]);
  });

  if (document.startsWith('packages/')) {
    // npm shows a package's README, and has no other file.
    test('has no relative links', () => {
      const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
      expect(links.filter((link) => !/^https:|^#/.test(link))).toEqual([]);
    });
  }

  // Until the first release: then this test goes, with the sentences (CONTRIBUTING.md, "Releases").
  test('says that npm has no package yet, where it says to install one', () => {
    const text = read(document);
    const installs = /^npm install .*@octet\//m.test(text);
    const links = [...text.matchAll(/\]\(([^)\s]+#install)\)/g)].map(([, link]) => link);
    const toInstall = links.some((link) => targetOf(document, link.split('#')[0]) === 'README.md');
    expect(installs && !toInstall).toBe(false);
  });

  test('names files that exist', () => {
    const made = blocksOf(document).map((block) => block.path);
    const missing = [
      ...read(document).matchAll(/`((?:apps|docs|examples|packages|tests|tooling)\/[\w./-]+)`/g),
    ]
      .map(([, file]) => file)
      .filter((file) => !made.includes(file) && !existsSync(path.join(root, file)));
    expect(missing).toEqual([]);
  });

  test('names scripts that exist', () => {
    const unknown = [...read(document).matchAll(/(?:^|`)pnpm ([\w:-]+)/gm)]
      .map(([, name]) => name)
      .filter((name) => !commands.includes(name) && !Object.hasOwn(scripts, name));
    expect(unknown).toEqual([]);
  });

  test('installs what its examples import', () => {
    const blocks = blocksOf(document);
    const installed = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);
    const imported = blocks
      .filter(({ language }) => language === 'ts')
      .flatMap(({ code }) => [...code.matchAll(/from '(@octet\/[\w-]+)/g)].map(([, name]) => name));
    const isReadme = document.startsWith('packages/');
    expect(isReadme ? imported.filter((name) => !installed.join(' ').includes(name)) : []).toEqual([]);
  });
});
