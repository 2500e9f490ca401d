import path from 'node:path';
import { format } from 'node:util';
import { referenceBackend } from '@octet/backend-js-reference';
import { setBackend } from '@octet/tensor';
import { describe, expect, test, vi } from 'vitest';
import { writeCode } from '../src/code';
import { emptyFolder, typecheck } from '../src/compile';

const folder = emptyFolder('code');
const files = writeCode(folder);
const isTest = (file: string) => file.endsWith('.test.ts');
const load = (file: string): Promise<unknown> => import(/* @vite-ignore */ path.join(folder, file));

test('every block of TypeScript type-checks', () => {
  // Pages are programs for browsers, too.
  const lib = ['ES2022', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'];
  const errors = typecheck(folder, { lib }).map(({ file, line, message }) => {
    const block = files.find((f) => f.file === file)?.block;
    return block ? `${block.document}:${block.line + line - 1}: ${message}` : `${file}:${line}: ${message}`;
  });
  expect(errors).toEqual([]);
});

describe('the examples of the packages run, and print what they say', () => {
  const examples = files.filter(
    ({ block, file }) =>
      (block.document.startsWith('packages/') && !isTest(file)) ||
      (block.document === 'docs/start.md' && block.path === 'index.ts'),
  );
  test.each(examples)('$block.document', async ({ block, file }) => {
    // An example before may have set another.
    setBackend(referenceBackend);
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...args) => void lines.push(format(...args)));
    try {
      await load(file);
    } finally {
      log.mockRestore();
    }
    const promised = [...block.code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
    if (promised.length > 0) expect(lines).toEqual(promised);
  });
});

// Blocks that are test files: what they declare is declared here.
for (const { block, file } of files.filter(({ file }) => isTest(file))) {
  describe(`${block.document}, ${block.path}`, async () => {
    await load(file);
  });
}
