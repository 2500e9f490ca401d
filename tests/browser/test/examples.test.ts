import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { referenceBackend } from '@octet/backend-js-reference';
import { measure } from '@octet/example-digits';
import { serve } from '@octet/example-digits/serve';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { visit } from '../src/page';

// The examples as they were built, against the reference backend here.

const examples = path.resolve(import.meta.dirname, '../../../examples');
let expected: string;

beforeAll(async () => {
  const checkpoint = await readFile(path.join(examples, 'digits/dist/digits.safetensors'));
  expected = (await measure(checkpoint, referenceBackend, 1)).checksum;
});

describe.skipIf(!executablePath)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  const pages = { vite: 'vite/dist', webpack: 'webpack' };
  describe.each(Object.entries(pages))('the page that %s built', (name, folder) => {
    test('gives the same integers as the reference, on threads', async () => {
      const server = await serve(path.join(examples, folder));
      try {
        const { status, shown, complaints, workers } = await visit(browser, `${server.url}?threads=2`);
        expect(complaints).toEqual([]);
        expect(status).toBe('done');
        expect(shown).toMatchObject({
          'cross-origin isolated': 'true',
          threads: '2',
          'why so many': 'threads: 2',
          'checksum on one thread': expected,
          'checksum on all threads': expected,
        });
        expect(workers).toBe(1);
      } finally {
        server.close();
      }
    });

    test('says why it has one thread where it is not isolated', async () => {
      const server = await serve(path.join(examples, folder), { isolated: false });
      try {
        const { status, shown, complaints, workers } = await visit(browser, `${server.url}?threads=2`);
        expect(complaints).toEqual([]);
        expect(status).toBe('done');
        expect(shown).toMatchObject({
          'cross-origin isolated': 'false',
          threads: '1',
          'why so many': expect.stringContaining('the page is not cross-origin isolated'),
          'checksum on one thread': expected,
          'checksum on all threads': expected,
        });
        expect(workers).toBe(0);
      } finally {
        server.close();
      }
    });

    test('loads the wasm once, from where it should', async () => {
      const server = await serve(path.join(examples, folder));
      try {
        const { requests, shown } = await visit(browser, server.url);
        const files = requests.filter((file) => /\.wasm$/.test(file));
        if (name === 'webpack') {
          expect(new Set(files).size).toBe(1);
          expect(shown.wasm).toBe('simd: wasmUrl');
        } else {
          expect(files).toEqual([]);
          expect(shown.wasm).toBe('relaxed simd: the engine has it');
        }
        const scripts = requests.filter((file) => /\.js$/.test(file));
        expect(scripts).toHaveLength(name === 'webpack' ? 1 : 2);
      } finally {
        server.close();
      }
    });
  });
});

describe('in Node', () => {
  const run = async (script: string) =>
    (await promisify(execFile)(process.execPath, [script], { cwd: path.join(examples, 'node') })).stdout;

  test('the ES module gives the same integers as the reference', async () => {
    expect(await run('digits.mjs')).toContain(`checksum ${expected}`);
  });

  test('the CommonJS script runs on two threads', async () => {
    expect(await run('digits.cjs')).toMatch(/^CommonJS: .*simd, 2 threads, output 64×10$/m);
  });
});
