import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { codeSpans, root, rowsOf } from '../src/markdown';

const document = 'docs/troubleshooting.md';

test('every message that the page explains is one that Octet says', () => {
  const sources = globSync('packages/*/src/**/*.ts', { cwd: root }).map((file) =>
    readFileSync(path.join(root, file), 'utf8'),
  );
  const messages = rowsOf(document)
    .filter(({ heading }) => !heading.includes('No error'))
    .map(({ line, cells }) => ({ line, message: codeSpans(cells[0])[0] }));
  expect(messages.length).toBeGreaterThan(15);
  const unsaid = messages.filter(({ message }) => !sources.some((text) => text.includes(message)));
  expect(unsaid).toEqual([]);
});
