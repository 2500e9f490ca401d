import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kernelGuide } from '../src/code';
import { emptyFolder, typecheck, writeText } from '../src/compile';
import { type Block, blocksOf, root } from '../src/markdown';

const packages = ['backend', 'backend-js-reference', 'backend-testkit', 'tensor', 'nn'];

/** A copy of the sources that the guide changes. */
function copySources(): string {
  const folder = emptyFolder('kernel-guide');
  for (const name of packages) {
    // The suite's own tests need packages that aren't here.
    for (const part of name === 'backend-testkit' ? ['src'] : ['src', 'test']) {
      cpSync(path.join(root, 'packages', name, part), path.join(folder, 'packages', name, part), {
        recursive: true,
      });
    }
  }
  return folder;
}

/** Applies a block of changes: lines that begin with + are added, those with - removed, the others must be there. */
function applyDiff(file: string, { document, line, code }: Block): void {
  const lines = code.split('\n');
  const without = (sign: string) =>
    lines.filter((text) => !text.startsWith(sign)).map((text) => text.slice(1));
  const before = without('+').join('\n');
  const text = readFileSync(file, 'utf8');
  const places = text.split(before).length - 1;
  if (places !== 1) throw new Error(`${document}:${line}: these lines are ${places} times in ${file}`);
  writeFileSync(
    file,
    text.replace(before, () => without('-').join('\n')),
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
        '@octet/backend-testkit/cases': ['./packages/backend-testkit/src/cases/index.ts'],
        '@octet/*': ['./packages/*/src/index.ts'],
      },
    }).map(({ file, message }) => `${file}: ${message}`);
  for (const block of blocksOf(kernelGuide)) {
    const target = block.path?.startsWith('packages/') ? path.join(folder, block.path) : undefined;
    if (target && block.language === 'diff') applyDiff(target, block);
    else if (target && block.language === 'ts') writeText(target, `${block.code}\n`);
    else if (block.language === 'text' && block.code.startsWith('packages/')) {
      const diagnostics = diagnose();
      const unsaid = block.code.split('\n').filter((promised) => !says(diagnostics, promised));
      expect(unsaid, `${kernelGuide}:${block.line}; the compiler says\n${diagnostics.join('\n')}`).toEqual(
        [],
      );
    }
  }
  expect(diagnose()).toEqual([]);
});
