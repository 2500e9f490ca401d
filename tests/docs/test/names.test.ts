import path from 'node:path';
import * as data from '@octet/data';
import * as formats from '@octet/formats';
import * as graph from '@octet/graph';
import * as inspect from '@octet/inspect';
import * as nn from '@octet/nn';
import * as optim from '@octet/optim';
import * as quantization from '@octet/quantization';
import * as tensor from '@octet/tensor';
import * as vision from '@octet/vision';
import { expect, test } from 'vitest';
import { emptyFolder, typecheck, writeText } from '../src/compile';
import { namesOf, program } from '../src/names';

const document = 'docs/from-pytorch.md';
const names = namesOf(document);
const exportsOf: Record<string, object> = {
  '@octet/data': data,
  '@octet/formats': formats,
  '@octet/graph': graph,
  '@octet/inspect': inspect,
  '@octet/nn': nn,
  '@octet/optim': optim,
  '@octet/quantization': quantization,
  '@octet/tensor': tensor,
  '@octet/vision': vision,
};

test('every name in the tables exists in the package they name', () => {
  const folder = emptyFolder('names');
  writeText(path.join(folder, 'names.ts'), program(names, exportsOf));
  const errors = typecheck(folder).map(({ line, message }) => {
    const name = names[line - 1];
    return name ? `${document}:${name.line}: ${name.parts.join('.')}: ${message}` : `${line}: ${message}`;
  });
  expect(errors).toEqual([]);
});

test.each(Object.entries(exportsOf))('every export of %s is in a table', (name, exported) => {
  const named = new Set(names.filter((n) => n.package === name).map((n) => n.parts[0]));
  const missing = Object.keys(exported).filter((key) => !named.has(key));
  expect(missing, `add a row to ${document}`).toEqual([]);
});
