import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as octet from '../src';

interface Manifest {
  name: string;
  private?: boolean;
  exports?: Record<string, unknown>;
}

const folder = path.resolve(import.meta.dirname, '../..');
const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(path.join(folder, name, 'package.json'), 'utf8'));
const own = Object.keys(manifestOf('octet').exports ?? {});
/** The testkit is for authors of backends, and needs vitest. */
const parts = readdirSync(folder).filter((name) => !['octet', 'backend-testkit'].includes(name));

describe.each(parts)('%s', (name) => {
  test('each of its entries is one of octet', () => {
    const entries = Object.keys(manifestOf(name).exports ?? {}).filter((key) => !/\.(json|wasm)$/.test(key));
    expect(own).toEqual(
      expect.arrayContaining(entries.map((key) => path.posix.join('.', name, key)).map((key) => `./${key}`)),
    );
  });

  test('what it exports is what octet exports', async () => {
    const part: Record<string, unknown> = await import(`../src/parts/${name}.ts`);
    const all = octet as Record<string, unknown>;
    expect(Object.keys(part).filter((key) => all[key] !== part[key])).toEqual([]);
  });
});

test('entries are files', () => {
  const files = readdirSync(path.resolve(import.meta.dirname, '../src/parts'));
  const named = own.filter((key) => key !== '.' && key !== './package.json');
  expect(named.map((key) => `${key.slice(2).replace('/', '-')}.ts`).sort()).toEqual(files.sort());
});
