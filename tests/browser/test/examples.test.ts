import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { referenceBackend } from '@octet/backend-js-reference';
import { loadDigits, measure } from '@octet/example-digits';
import { serve } from '@octet/example-digits/serve';
import { importOnnx } from '@octet/onnx';
import { Generator, noGrad, rand, tensor } from '@octet/tensor';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { executablePath, launch } from '../src/chromium';
import { visit } from '../src/page';

// The examples as they were built, against the reference backend here.

const examples = path.resolve(import.meta.dirname, '../../../examples');
let checkpoint: Uint8Array;
let expected: string;

const servers: { close(): void }[] = [];
/** Serves a folder of the examples until all tests are over, at the address that it returns. */
async function serving(folder: string, options?: { isolated?: boolean; policy?: string }): Promise<string> {
  const server = await serve(path.join(examples, folder), options);
  servers.push(server);
  return server.url;
}
afterAll(() => {
  for (const server of servers) server.close();
});

beforeAll(async () => {
  checkpoint = await readFile(path.join(examples, 'digits/dist/digits.safetensors'));
  expected = (await measure(checkpoint, referenceBackend, 1)).checksum;
});

describe.skipIf(!executablePath)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  const pages = [
    ['the page that Vite built', 'vite/dist', '?threads=2'],
    ['the page that webpack built', 'webpack', '?threads=2'],
    ['the page that webpack built, with inlined wasm', 'webpack', '?threads=2&inlined'],
  ];
  describe.each(pages)('%s', (_, folder, query) => {
    test('gives the same integers as the reference, on threads', async () => {
      const url = await serving(folder);
      const { status, shown, complaints, workers } = await visit(browser, url + query);
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
    });

    test('says why it has one thread where it is not isolated', async () => {
      const url = await serving(folder, { isolated: false });
      const { status, shown, complaints, workers } = await visit(browser, url + query);
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
    });
  });

  test.each(['vite/dist', 'webpack'])('%s: a model in a worker gives what it gives here', async (folder) => {
    const url = await serving(folder);
    const { status, shown, complaints, workers } = await visit(browser, `${url}?worker`);
    expect(complaints).toEqual([]);
    expect(status).toBe('done');
    const file = await readFile(path.join(examples, 'digits/dist/digits.onnx'));
    const model = await importOnnx(new Uint8Array(file));
    const pixels = Float32Array.from({ length: 64 * 28 * 28 }, (_, i) => (i % 255) / 255);
    const y = noGrad(() => model.call(tensor(pixels, [64, 1, 28, 28])));
    const sum = Array.from(y.dataSync()).reduce((total, value) => total + value, 0);
    expect(shown).toMatchObject({
      backend: 'wasm',
      loaded: 'all of the file',
      shape: '64,10',
      sum: sum.toFixed(4),
    });
    expect(workers).toBeGreaterThan(0);
  });

  test('a content security policy that forbids WebAssembly is named, with what to allow', async () => {
    const url = await serving('vite/dist', { policy: "script-src 'self'" });
    const { status } = await visit(browser, url);
    expect(status).toMatch(/^BackendError: createWasmBackend: .*found CompileError: .*[Pp]olicy/s);
    expect(status).toContain("Allow 'wasm-unsafe-eval' in script-src of the page's Content-Security-Policy");
    expect(status).not.toMatch(/\.\. Allow|wasmUrl|wasmModule/);
  });

  test('and what it says to allow is enough', async () => {
    const url = await serving('vite/dist', {
      policy: "script-src 'self' 'wasm-unsafe-eval'; worker-src blob:",
    });
    const { status, shown } = await visit(browser, `${url}?threads=2`);
    expect(status).toBe('done');
    expect(shown).toMatchObject({ threads: '2', 'checksum on all threads': expected });
  });

  test('the wasm comes with the JavaScript, or from wasmUrl alone', async () => {
    const loaded = async (folder: string, query: string) => {
      const { requests, shown } = await visit(browser, (await serving(folder)) + query);
      const count = (type: string) => new Set(requests.filter((file) => file.endsWith(type))).size;
      return { wasm: shown.wasm, wasmFiles: count('.wasm'), moreScripts: count('.js') > 1 };
    };
    const inlined = { wasm: 'relaxed simd: the engine has it', wasmFiles: 0, moreScripts: true };
    expect(await loaded('vite/dist', '')).toEqual(inlined);
    expect(await loaded('webpack', '?inlined')).toEqual(inlined);
    // The inlined bytes are parts of the bundle that are never loaded.
    const fetched = { wasm: 'simd: wasmUrl', wasmFiles: 1, moreScripts: false };
    expect(await loaded('webpack', '')).toEqual(fetched);
  });
});

describe.skipIf(!executablePath)('the page for the GPU', () => {
  const run = async (webgpu: boolean, before?: () => void) => {
    const browser = await launch({ webgpu });
    onTestFinished(() => browser.close());
    return visit(browser, await serving('webgpu/dist'), before);
  };

  test('gives the same integers as the reference, on WebGPU', async () => {
    const { status, shown, complaints } = await run(true);
    expect(complaints).toEqual([]);
    expect(status).toBe('done');
    expect(shown).toMatchObject({
      backend: 'webgpu',
      why: expect.stringMatching(/^the GPU is there: ./),
      checksum: expected,
    });
  });

  test('says why there is no GPU, and gives the same integers on wasm', async () => {
    const { status, shown, complaints } = await run(false);
    expect(complaints).toEqual(['No available adapters.']); // Chromium's own words
    expect(status).toBe('done');
    expect(shown).toMatchObject({
      backend: 'wasm-simd',
      why: expect.stringContaining('expected a GPU that WebGPU can use, found no adapter'),
      checksum: expected,
    });
  });

  test('goes to wasm when the GPU is lost while it runs', async () => {
    const { status, shown } = await run(true, () => {
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (descriptor) {
        const device = await requestDevice.call(this, descriptor);
        const { queue } = device;
        const submit = queue.submit.bind(queue);
        let submits = 0;
        queue.submit = (commands) => {
          submit(commands);
          if (++submits === 3) device.destroy();
        };
        return device;
      };
    });
    expect(status).toBe('done');
    expect(shown).toMatchObject({
      backend: 'wasm-simd',
      why: expect.stringContaining('found one that was lost'),
      checksum: expected,
    });
  });
});

describe('in Node', () => {
  const run = async (script: string) =>
    (await promisify(execFile)(process.execPath, [script], { cwd: path.join(examples, 'node') })).stdout;

  test('the ES module gives the same integers as the reference', async () => {
    expect(await run('digits.mjs')).toContain(`checksum ${expected}`);
  });

  test('the CommonJS script gives the same numbers as the reference, on two threads', async () => {
    const printed = await run('digits.cjs');
    expect(printed).toMatch(/^CommonJS: .*simd, 2 threads, output 64×10$/m);
    const int8 = await loadDigits(checkpoint);
    const y = noGrad(() => int8.call(rand([64, 1, 28, 28], { generator: new Generator(1) })));
    const firstRow = Array.from(y.dataSync().subarray(0, 10), (value) => value.toFixed(4));
    expect(printed).toContain(`\n${firstRow.join(' ')}\n`);
  });
});
