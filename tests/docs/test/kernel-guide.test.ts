import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kernelGuide } from '../src/code';
import { emptyFolder, typecheck, writeText } from '../src/compile';
import { type Block, blocksOf, root } from '../src/markdown';

const packages = [
  'backend',
  'backend-js-reference',
  'backend-testkit',
  'backend-webgpu',
  'tensor',
  'nn',
  'quantization',
];

interface Manifest {
  exports: Record<string, string | { '@octet/source'?: string }>;
}

/** The entries of a package besides its index, and their sources in the copy. */
function entriesOf(name: string): [string, string[]][] {
  const manifest = path.join(root, 'packages', name, 'package.json');
  const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
  return Object.entries(exports).flatMap(([entry, to]) => {
    const source = typeof to === 'string' ? undefined : to['@octet/source'];
    return source && entry !== '.'
      ? [[`@octet/${name}${entry.slice(1)}`, [`./packages/${name}/${source.slice(2)}`]]]
      : [];
  });
}

/** A copy of the sources that the guide changes. */
function copySources(): string {
  const folder = emptyFolder('kernel-guide');
  for (const name of packages) {
    // The suite's own tests need packages that aren't here; those of quantization use the function that is taken out.
    for (const part of ['backend-testkit', 'quantization'].includes(name) ? ['src'] : ['src', 'test']) {
      cpSync(path.join(root, 'packages', name, part), path.join(folder, 'packages', name, part), {
        recursive: true,
      });
    }
  }
  cpSync(path.join(root, 'docs/from-pytorch.md'), path.join(folder, 'docs/from-pytorch.md'));
  return folder;
}

/** A block of changes as two texts: lines that begin with + are added, those with - removed, the others are in both. */
function textsOf({ code }: Block): { before: string; after: string } {
  const lines = code.split('\n');
  const without = (sign: string) =>
    lines
      .filter((text) => !text.startsWith(sign))
      .map((text) => text.slice(1))
      .join('\n');
  return { before: without('+'), after: without('-') };
}

function replaceOnce(file: string, from: string, to: string, { document, line }: Block): void {
  const text = readFileSync(file, 'utf8');
  const places = text.split(from).length - 1;
  if (places !== 1) throw new Error(`${document}:${line}: these lines are ${places} times in ${file}`);
  writeFileSync(
    file,
    text.replace(from, () => to),
  );
}

/** Whether the compiler says a line of the guide, in which … stands for anything. */
function says(diagnostics: readonly string[], promised: string): boolean {
  const pattern = promised
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return diagnostics.some((text) => new RegExp(`^${pattern}$`).test(text));
}

test('followed to the letter, the guide to a new kernel compiles, and the compiler says what it promises', () => {
  const folder = copySources();
  const diagnose = () =>
    typecheck(folder, {
      paths: {
        ...Object.fromEntries(packages.flatMap(entriesOf)),
        '@octet/*': ['./packages/*/src/index.ts'],
      },
    })
      // Compiled with types of its own; its text is compared.
      .filter(({ file }) => !file.startsWith('packages/backend-webgpu/'))
      // Packages that aren't copied, and a table of layers, use the function that is taken out.
      .filter(({ file }) => !file.startsWith('../') && !file.endsWith('fx/useful-ranges.ts'))
      .map(({ file, message }) => `${file}: ${message}`);
  const blocks = blocksOf(kernelGuide);
  const targetOf = ({ path: file }: Block) =>
    file?.match(/^(packages|docs)\//) ? path.join(folder, file) : undefined;
  // The first example is in the sources: it is taken out, to be put in again.
  const heading =
    readFileSync(path.join(root, kernelGuide), 'utf8').split('\n').indexOf('## Any other kernel') + 1;
  const real = blocks.filter((block) => block.language === 'diff' && targetOf(block) && block.line < heading);
  expect(real.length).toBeGreaterThan(5);
  for (const block of real.slice().reverse()) {
    const { before, after } = textsOf(block);
    replaceOnce(targetOf(block) as string, after, before, block);
  }
  expect(diagnose()).toEqual([]);
  for (const block of blocks) {
    const target = targetOf(block);
    if (target && block.language === 'diff') {
      const { before, after } = textsOf(block);
      replaceOnce(target, before, after, block);
    } else if (target && block.language === 'ts') writeText(target, `${block.code}\n`);
    else if (block.language === 'text' && block.code.startsWith('packages/')) {
      const diagnostics = diagnose();
      const unsaid = block.code.split('\n').filter((promised) => !says(diagnostics, promised));
      expect(unsaid, `${kernelGuide}:${block.line}; the compiler says\n${diagnostics.join('\n')}`).toEqual(
        [],
      );
    }
  }
  for (const block of real) {
    const file = block.path as string;
    expect(readFileSync(path.join(folder, file), 'utf8')).toBe(readFileSync(path.join(root, file), 'utf8'));
  }
  expect(diagnose()).toEqual([]);
});
