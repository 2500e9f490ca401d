import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ArgumentError } from '@octet/backend';
import { Linear, ReLU, Sequential } from '@octet/nn';
import { manualSeed, randn } from '@octet/tensor';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type DownloadProgress, exportOnnx, importOnnx, OnnxImportError } from '../src';

let bytes: Uint8Array;
let address: string;
let requests = 0;
const server = createServer(({ url }, response) => {
  requests++;
  if (url === '/slow.onnx') {
    // Its first half, and then nothing.
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length / 2));
  } else if (url === '/model.onnx') response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  else if (url === '/page.onnx') response.end('<!doctype html><title>Not found</title>');
  else response.writeHead(404).end();
});

beforeAll(async () => {
  manualSeed(1);
  bytes = await exportOnnx(new Sequential(new Linear(200, 300), new ReLU()).eval(), randn([1, 200]));
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  address = `http://localhost:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
afterEach(() => vi.unstubAllGlobals());

/** A Cache API with the entries of one cache. */
function cacheApi(entries: Map<string, Response>, put = (key: string, r: Response) => entries.set(key, r)) {
  const cache = {
    match: async (url: string) => entries.get(url)?.clone(),
    put: async (url: string, response: Response) => void put(url, response),
  };
  return { open: async () => cache };
}

describe('importOnnx from an address', () => {
  test('which a page, or a worker, may write from its own', async () => {
    vi.stubGlobal('location', new URL(`${address}/pages/worker.js`));
    await expect(importOnnx('../model.onnx')).resolves.toBeDefined();
    vi.stubGlobal('document', { baseURI: `${address}/` });
    await expect(importOnnx('model.onnx')).resolves.toBeDefined();
  });

  test('tells how far it is', async () => {
    const told: DownloadProgress[] = [];
    const url = `${address}/model.onnx`;
    await importOnnx(url, { onProgress: (at) => told.push(at) });
    expect(told.length).toBeGreaterThan(1);
    expect(told[0]).toMatchObject({ url, total: bytes.length });
    expect(told.at(-1)).toEqual({ url, loaded: bytes.length, total: bytes.length });
  });

  test('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = () => controller.abort(reason);
    const slow = importOnnx(`${address}/slow.onnx`, { onProgress, signal: controller.signal });
    await expect(slow).rejects.toBe(reason);
    const { signal } = controller;
    const before = requests;
    await expect(importOnnx(`${address}/model.onnx`, { signal })).rejects.toBe(reason);
    expect(requests).toBe(before);
    await expect(importOnnx(bytes, { signal })).rejects.toBe(reason);
  });

  test('keeps what it fetched in a cache of that name', async () => {
    const entries = new Map<string, Response>();
    vi.stubGlobal('caches', cacheApi(entries));
    const before = requests;
    const url = `${address}/model.onnx`;
    const [first, second] = [
      await importOnnx(url, { cache: 'models' }),
      await importOnnx(url, { cache: 'models' }),
    ];
    expect(requests).toBe(before + 1);
    expect([...entries.keys()]).toEqual([url]);
    const x = randn([1, 200]);
    expect(await second.call(x).data()).toEqual(await first.call(x).data());
    await expect(importOnnx(`${address}/none.onnx`, { cache: 'models' })).rejects.toThrow(ArgumentError);
    expect(entries.size).toBe(1);
  });

  test('goes on, with a warning, where nothing can be kept', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await importOnnx(`${address}/model.onnx`, { cache: 'models' });
    expect(warn.mock.lastCall?.[0]).toContain('no Cache API');
    const full = () => {
      throw new Error('Quota exceeded.');
    };
    vi.stubGlobal('caches', cacheApi(new Map(), full));
    await importOnnx(`${address}/model.onnx`, { cache: 'models' });
    expect(warn.mock.lastCall?.[0]).toContain('Quota exceeded.');
    warn.mockRestore();
  });
});

test.each([
  ['safetensors', [8, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from('{}      ')]],
  ['zip', [...Buffer.from('PK\x03\x04')]],
  ['TensorFlow Lite', [28, 0, 0, 0, ...Buffer.from('TFL3')]],
  ['HDF5', [0x89, ...Buffer.from('HDF\r\n')]],
  ['HTML', [...Buffer.from('<!doctype html>')]],
])('a file of %s is named', async (name, start) => {
  const error = await importOnnx(Uint8Array.from(start)).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(OnnxImportError);
  expect((error as Error).message).toContain(name);
});

test('a page in the place of the file is named', async () => {
  await expect(importOnnx(`${address}/page.onnx`)).rejects.toThrow('Is the address right?');
});
