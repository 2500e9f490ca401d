import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { ArgumentError, BackendError, dispatch, MissingKernelError } from '@octet/backend';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createWasmBackend } from '../src';
import { probeDot, probeFeatures } from '../src/features';
import { setMemoryShared } from '../src/module';
import { platform, type WasmNamespace } from '../src/platform';
import { wrongProducts } from './products';
import { createVariant } from './variants';

const { compile, validate, Module } = platform.WebAssembly as WasmNamespace;
const wasmFile = (variant: string) =>
  new Uint8Array(readFileSync(new URL(`../src/generated/wasm/${variant}.wasm`, import.meta.url)));

/** A program that prints what `dotOf` makes of all weights and activations. */
const allProducts = `
  const wasm = fs.readFileSync('../src/generated/wasm/relaxed.wasm');
  const env = { memory: new WebAssembly.Memory({ initial: 64, maximum: 65536 }) };
  const { dotOf } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env }).exports;
  const products = [];
  for (let w = -128; w < 128; w++) for (let x = 0; x < 256; x++) products.push(dotOf(w, x));
  console.log(JSON.stringify(products));
`;

/** An engine that refuses modules with these bytes in them. */
function without(...opcode: number[]): void {
  const has = (bytes: Uint8Array) => bytes.some((_, i) => opcode.every((byte, j) => bytes[i + j] === byte));
  vi.stubGlobal('WebAssembly', { ...own(), validate: (bytes: Uint8Array) => !has(bytes) && validate(bytes) });
}

/** WebAssembly's members, which a spread doesn't see. */
function own(): object {
  const { WebAssembly } = platform;
  return Object.fromEntries(
    Object.getOwnPropertyNames(WebAssembly).map((name) => [name, WebAssembly?.[name as never]]),
  );
}

afterEach(() => vi.unstubAllGlobals());

describe('feature probes', () => {
  it('are valid modules, which this engine accepts', () => {
    expect(probeFeatures()).toEqual({ simd: true, relaxedSimd: true, threads: true });
  });

  it('fail one by one', () => {
    for (const opcode of [0x85, 0x93]) {
      without(0xfd, opcode, 2);
      expect(probeFeatures()).toEqual({ simd: true, relaxedSimd: false, threads: true });
    }
    without(0xfe, 3, 0);
    expect(probeFeatures()).toEqual({ simd: true, relaxedSimd: true, threads: false });
    without(0xfd);
    expect(probeFeatures()).toEqual({ simd: false, relaxedSimd: false, threads: true });
    vi.stubGlobal('WebAssembly', undefined);
    expect(probeFeatures()).toEqual({ simd: false, relaxedSimd: false, threads: false });
  });

  it('without SIMD or WebAssembly there is a typed error that names the js backend', async () => {
    without(0xfd);
    await expect(createWasmBackend()).rejects.toThrow(BackendError);
    await expect(createWasmBackend()).rejects.toThrow(
      "createWasmBackend: expected an engine with WebAssembly SIMD, found one without. Update the engine, or use the js backend: setBackend(referenceBackend) from '@octet/backend-js-reference'.",
    );
    vi.stubGlobal('WebAssembly', undefined);
    await expect(createWasmBackend()).rejects.toThrow('found one without WebAssembly');
  });
});

describe('the kind of products of bytes', () => {
  const as = (wide: (x: number) => number) => (w: number, x: number) => 4 * w * wide(x);

  it('is told apart by two of them', () => {
    expect(probeDot(as((x) => x))).toBe('unsigned');
    expect(probeDot(as((x) => x - (x > 127 ? 256 : 0)))).toBe('signed');
    // Pairs saturate at int16.
    const saturating = (w: number, x: number) => 2 * Math.max(-32768, Math.min(2 * w * x, 32767));
    expect(probeDot(saturating)).toBe('seven');
    // Ways that no engine goes today: whatever isn't known is taken for the weakest.
    const wrapping = (w: number, x: number) => 2 * Int16Array.of(2 * w * x)[0];
    expect(probeDot(wrapping)).toBe('seven');
    const exchanged = (w: number, x: number) => 4 * (w & 255) * (x - (x > 127 ? 256 : 0));
    expect(probeDot(exchanged)).toBe('seven');
    expect(probeDot(() => 0)).toBe('exact');
  });

  // By the compiler that all functions begin with, and by the one that those in frequent use come to.
  it.each(['--liftoff-only', '--no-liftoff'])(
    'is that of all products of bytes: node %s',
    async (compiler) => {
      const { stdout } = await promisify(execFile)(process.execPath, [compiler, '--eval', allProducts], {
        cwd: import.meta.dirname,
        maxBuffer: 2 ** 24,
      });
      const products: number[] = JSON.parse(stdout);
      const dotOf = (w: number, x: number) => products[(w + 128) * 256 + x];
      const kind = probeDot(dotOf);
      const here = await createWasmBackend({ threads: 1 });
      expect(kind).toBe(here.info().dot);
      here.dispose();
      expect(wrongProducts(kind, dotOf)).toEqual([]);
    },
  );

  it.each(['unsigned', 'signed'] as const)(
    '%s: chosen, and lower ones by name',
    { timeout: 120_000 },
    async (kind) => {
      const chosen = async (options = {}) => {
        const backend = await createVariant({ emulated: kind, threads: 1, ...options });
        const { dot, dotReason } = backend.info();
        backend.dispose();
        return [dot, dotReason];
      };
      expect(await chosen()).toEqual([kind, 'what the engine makes of relaxed_dot']);
      expect(await chosen({ dot: kind })).toEqual([kind, `dot: ${kind}`]);
      expect(await chosen({ dot: 'seven' })).toEqual(['seven', 'dot: seven']);
      expect(await chosen({ dot: 'exact' })).toEqual(['exact', 'dot: exact']);
      const other = kind === 'signed' ? 'unsigned' : 'signed';
      await expect(chosen({ dot: other })).rejects.toThrow(
        `expected dot to be one of auto, ${kind}, seven, exact on this engine, found ${other}`,
      );
    },
  );

  it('is exact without relaxed SIMD', async () => {
    const backend = await createWasmBackend({ relaxedSimd: false });
    expect(backend.info()).toMatchObject({ dot: 'exact', dotReason: 'no relaxed SIMD' });
    backend.dispose();
    await expect(createWasmBackend({ relaxedSimd: false, dot: 'seven' })).rejects.toThrow(ArgumentError);
    await expect(createWasmBackend({ dot: 'eight' as 'seven' })).rejects.toThrow('found eight');
  });

  it.each(['unsigned', 'signed'] as const)('%s packs only bytes', { timeout: 120_000 }, async (kind) => {
    const packedBytes = async (dot: 'auto' | 'exact') => {
      const backend = await createVariant({ emulated: kind, dot, threads: 1 });
      const weight = { buffer: backend.allocate('int8', 64 * 256), dtype: 'int8' as const, shape: [64, 256] };
      const before = backend.memory().bytes;
      const { qlinear } = backend.kernels;
      if (typeof qlinear !== 'object') throw new TypeError('qlinear packs its weights');
      qlinear.prepack(
        { weight },
        {
          ...{ xZeroPoint: 3, yZeroPoint: 0, clampMin: 0, clampMax: 255 },
          ...{ weightZeroPoint: Int32Array.of(0), multiplier: Float32Array.of(1) },
        },
      );
      const bytes = backend.memory().bytes - before;
      backend.dispose();
      return bytes;
    };
    expect((await packedBytes('exact')) - (await packedBytes('auto'))).toBe(64 * 256);
  });
});

describe('info', () => {
  const infoOf = async (options?: Parameters<typeof createWasmBackend>[0]) => {
    const backend = await createWasmBackend(options);
    await backend.ready;
    const info = backend.info();
    backend.dispose();
    return info;
  };

  it('tells the variant and why', async () => {
    expect(await infoOf()).toMatchObject({ variant: 'relaxed simd', variantReason: 'the engine has it' });
    expect(await infoOf({ relaxedSimd: false })).toMatchObject({
      variant: 'simd',
      variantReason: 'relaxedSimd: false',
    });
    without(0xfd, 0x85, 2);
    expect(await infoOf()).toMatchObject({
      variant: 'simd',
      variantReason: 'the engine has no relaxed SIMD',
    });
    await expect(infoOf({ relaxedSimd: true })).rejects.toThrow('expected an engine with relaxed SIMD');
  });

  it('tells the threads and why', async () => {
    const hardware = availableParallelism();
    expect(await infoOf()).toMatchObject({
      threads: Math.min(8, hardware),
      threadsReason: `the machine runs ${hardware} at once`,
    });
    expect(await infoOf({ threads: 1 })).toMatchObject({ threads: 1, threadsReason: 'threads: 1' });
    expect(await infoOf({ threads: 3 })).toMatchObject({ threads: 3, threadsReason: 'threads: 3' });
  });

  it('tells why there are no threads', async () => {
    const options = { threads: 4 };
    without(0xfe, 3, 0);
    expect(await infoOf(options)).toMatchObject({
      threads: 1,
      threadsReason: 'this engine has no WebAssembly threads',
    });
    vi.unstubAllGlobals();
    vi.stubGlobal('SharedArrayBuffer', undefined);
    expect((await infoOf(options)).threadsReason).toBe('there is no SharedArrayBuffer');
    vi.stubGlobal('crossOriginIsolated', false);
    expect(await infoOf(options)).toMatchObject({
      threads: 1,
      threadsReason:
        'the page is not cross-origin isolated (headers COOP and COEP), so there is no shared memory',
    });
    vi.unstubAllGlobals();
    vi.stubGlobal('process', { versions: {} });
    expect((await infoOf(options)).threadsReason).toBe('this environment has no workers');
  });
});

it('dispose ends the wait for workers that are still starting, though on the web they say nothing then', async () => {
  const ended = vi.fn();
  vi.stubGlobal('process', { versions: {} });
  vi.stubGlobal(
    'Worker',
    class {
      postMessage() {}
      terminate = ended;
    },
  );
  const backend = await createWasmBackend({ threads: 3 });
  const { ready } = backend;
  backend.dispose();
  await ready;
  expect(ended).toHaveBeenCalledTimes(2);
  expect(backend.info()).toMatchObject({ threads: 1, threadsReason: 'threads: 3' });
});

describe('options', () => {
  it.each([{ threads: 0 }, { threads: 1.5 }, { memoryBudget: -1 }, { maximumMemory: 100 }])(
    '%j is refused',
    async (options) => {
      await expect(createWasmBackend(options)).rejects.toThrow(ArgumentError);
    },
  );

  it('the memory is set aside as far as the engine allows', async () => {
    const { Memory } = platform.WebAssembly as WasmNamespace;
    class SmallMemory extends (Memory as unknown as new (limits: object) => object) {
      constructor(limits: { maximum: number }) {
        if (limits.maximum > 10_000) throw new RangeError('could not allocate memory');
        super(limits);
      }
    }
    vi.stubGlobal('WebAssembly', { ...own(), Memory: SmallMemory });
    const backend = await createWasmBackend({ threads: 1 });
    expect(() => backend.allocate('float32', 2 ** 28)).toThrow(`${8192 * 65536} at most`);
    backend.dispose();
  });

  it('wasm can come as bytes, compiled, or from a URL', async () => {
    const bytes = wasmFile('simd');
    const fromBytes = await createWasmBackend({ wasmModule: bytes, threads: 2 });
    expect(fromBytes.info()).toMatchObject({ variant: 'simd', variantReason: 'wasmModule', threads: 2 });
    expect(bytes).toEqual(wasmFile('simd'));

    const compiled = await createWasmBackend({ wasmModule: await compile(wasmFile('relaxed')), threads: 2 });
    expect(compiled.info()).toMatchObject({
      variant: 'relaxed simd',
      threads: 1,
      threadsReason: 'wasmModule is compiled for one thread: give its bytes',
    });

    const url = `data:application/wasm;base64,${Buffer.from(bytes).toString('base64')}`;
    const fetched = await createWasmBackend({ wasmUrl: url, threads: 2 });
    expect(fetched.info()).toMatchObject({ variant: 'simd', variantReason: 'wasmUrl', threads: 2 });
    for (const backend of [fromBytes, compiled, fetched]) backend.dispose();
  });

  it('bytes can be of another realm, or shared', async () => {
    const bytes = wasmFile('simd');
    const foreign = runInNewContext('length => new ArrayBuffer(length)')(bytes.length) as ArrayBuffer;
    for (const buffer of [foreign, new SharedArrayBuffer(bytes.length)]) {
      new Uint8Array(buffer).set(bytes);
      const backend = await createWasmBackend({ wasmModule: buffer as ArrayBuffer, threads: 2 });
      expect(backend.info()).toMatchObject({ variant: 'simd', threads: 2 });
      backend.dispose();
    }
  });

  it('a URL without wasm is a typed error', async () => {
    const refusal = (wasmUrl: string | URL) => expect(createWasmBackend({ wasmUrl, threads: 1 })).rejects;
    // Node fetches no file.
    await refusal(new URL('file:///x.wasm')).toThrow(BackendError);
    await refusal('http://localhost:1/x.wasm').toThrow(
      'expected wasm at http://localhost:1/x.wasm, found TypeError: fetch failed. Check wasmUrl',
    );
    await refusal('/x.wasm').toThrow('expected wasm at /x.wasm, found TypeError: Failed to parse URL');
    vi.stubGlobal('fetch', async () => ({ ok: false, status: 404 }));
    await refusal('/x.wasm').toThrow('expected wasm at /x.wasm, found HTTP status 404');
    vi.stubGlobal('fetch', undefined);
    await refusal('/x.wasm').toThrow('found an environment without fetch');
  });

  it('wasm that is cut off, or needs what the engine lacks, is refused with what helps', async () => {
    const truncated = wasmFile('simd').slice(0, -1);
    const refused = () => expect(createWasmBackend({ wasmModule: truncated, threads: 1 })).rejects;
    await refused().toThrow('found CompileError');
    await refused().toThrow("The file is damaged: copy the package's again, whole.");
    without(0xfd, 0x85, 2);
    await refused().toThrow("Give the package's simd.wasm: this engine has no relaxed SIMD");
  });

  it('wasm that is none, or not ours, is a typed error', async () => {
    await expect(createWasmBackend({ wasmModule: new Uint8Array(100) })).rejects.toThrow(BackendError);
    const other = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 2, 7, 1, 1, 97, 1, 98, 0, 0);
    await expect(createWasmBackend({ wasmModule: other })).rejects.toThrow(
      'found 17 bytes of something else',
    );
    // A section that is said to be 2³² - 6 bytes long, which isn't a step back.
    const endless = Uint8Array.of(...other.slice(0, 8), 0, 0xfa, 0xff, 0xff, 0xff, 0x0f);
    await expect(createWasmBackend({ wasmModule: endless })).rejects.toThrow(BackendError);
  });

  it('a compiled module that is none, or not ours, is a typed error', async () => {
    const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
    const forThreads = wasmFile('simd');
    setMemoryShared(forThreads, true);
    for (const [wasmModule, found] of [
      [{}, 'found TypeError'],
      [await compile(empty), 'found one without its functions'],
      [await compile(forThreads), 'found LinkError'],
    ] as const) {
      const refused = expect(createWasmBackend({ wasmModule })).rejects;
      await refused.toThrow(BackendError);
      await refused.toThrow(found);
    }
  });

  it('a kernel that neither this backend nor the fallback has is a typed error; one of the fallback is reported', async () => {
    const told: string[] = [];
    const backend = await createWasmBackend({ threads: 1, onFallback: ({ kernel }) => told.push(kernel) });
    const y = { buffer: backend.allocate('float32', 3), dtype: 'float32' as const, shape: [3] };
    expect(() => dispatch(backend, 'nonsense' as 'fill', {}, { y }, { value: 1 })).toThrow(
      MissingKernelError,
    );
    if (!backend.kernels.fill) {
      dispatch(backend, 'fill', {}, { y }, { value: 1 });
      expect(told).toEqual(['fill']);
    }
    backend.dispose();
  });
});

describe('where WebAssembly may not be compiled', () => {
  /** An engine that compiles nothing, and says so. */
  const refusing = (words: string) => {
    class CompileError extends Error {
      override name = 'CompileError';
    }
    const refuse = async () => {
      throw new CompileError(`WebAssembly.compile(): ${words}`);
    };
    vi.stubGlobal('WebAssembly', { ...own(), compile: refuse });
  };
  const messageOf = (options?: Parameters<typeof createWasmBackend>[0]) =>
    createWasmBackend({ threads: 1, ...options }).then(
      () => 'no error',
      (error) => `${error}`,
    );

  // What engines say.
  it.each([
    "violates the following Content Security policy directive because neither 'wasm-eval' nor 'unsafe-eval' is allowed: \"script-src 'self'\".", // Chromium
    'call to WebAssembly.compile() blocked by CSP', // Firefox
    "Refused to create a WebAssembly object because 'unsafe-eval' or 'wasm-unsafe-eval' is not an allowed source of script", // Safari
  ])('by a content security policy, the policy is to change: %s', async (words) => {
    refusing(words);
    for (const options of [{}, { wasmModule: wasmFile('simd') }]) {
      const message = await messageOf(options);
      expect(message).toContain(
        `found CompileError: WebAssembly.compile(): ${words.replace(/\.$/, '')}. Allow`,
      );
      expect(message).toContain(
        "Allow 'wasm-unsafe-eval' in script-src of the page's Content-Security-Policy",
      );
      expect(message).toContain('or use the js backend: setBackend(referenceBackend)');
      expect(message).not.toContain('wasmModule');
    }
  });

  it('by an embedder, the wasm is to be imported, and given as wasmModule', async () => {
    const compiled = await compile(wasmFile('simd'));
    refusing('Wasm code generation disallowed by embedder');
    const message = await messageOf();
    expect(message).toContain("Import '@octet/backend-wasm-simd/simd.wasm'");
    expect(message).toContain('give it as wasmModule');
    expect(message).not.toContain('Content-Security-Policy');
    // And it does help.
    expect(await messageOf({ wasmModule: compiled })).toBe('no error');
  });

  it('by an engine that is out of memory, memory is to be freed', async () => {
    const refuse = async (bytes: Uint8Array) => {
      if (bytes.length > 8) throw new RangeError('WebAssembly.compile(): Out of memory');
      return compile(bytes);
    };
    vi.stubGlobal('WebAssembly', { ...own(), compile: refuse });
    expect(await messageOf()).toContain('Close other pages or programs, or dispose other backends');
  });
});

describe('where the JavaScript that carries the wasm fails', () => {
  const noDecompression = () => {
    vi.stubGlobal('process', { versions: {} });
    vi.stubGlobal('Buffer', undefined);
    vi.stubGlobal('DecompressionStream', undefined);
  };

  it('says to serve it, or to give wasmUrl', async () => {
    noDecompression();
    const refused = expect(createWasmBackend({ threads: 1 })).rejects;
    await refused.toThrow(BackendError);
    await refused.toThrow('expected the script with the wasm, found TypeError');
    await refused.toThrow('Serve all files of the bundle, or give wasmUrl a copy of');
  });

  it('says in a service worker to bundle it into one file', async () => {
    noDecompression();
    vi.stubGlobal('ServiceWorkerGlobalScope', class {});
    await expect(createWasmBackend({ threads: 1 })).rejects.toThrow(
      'Bundle the service worker into one file, or give wasmUrl a copy of',
    );
  });
});

it("an edge runtime's process, whose functions all throw, is no Node", async () => {
  const getBuiltinModule = () => {
    throw new Error(
      'A Node.js API is used (process.getBuiltinModule) which is not supported in the Edge Runtime',
    );
  };
  vi.stubGlobal('process', { getBuiltinModule });
  const backend = await createWasmBackend({ threads: 4 });
  expect(backend.info()).toMatchObject({ threads: 1, threadsReason: 'this environment has no workers' });
  backend.dispose();
});

describe('the wasm', () => {
  it('can share its memory between threads or not, by one byte', async () => {
    const bytes = wasmFile('relaxed');
    const before = bytes.slice();
    setMemoryShared(bytes, true);
    expect(bytes.filter((byte, i) => byte !== before[i])).toEqual(Uint8Array.of(3));
    await compile(bytes);
    setMemoryShared(bytes, false);
    expect(bytes).toEqual(before);
  });

  it('has no functions that take 64-bit integers, and no more imports than the memory', async () => {
    for (const variant of ['simd', 'relaxed']) {
      const module = await compile(wasmFile(variant));
      expect((Module as unknown as { imports(m: object): object[] }).imports(module)).toEqual([
        { module: 'env', name: 'memory', kind: 'memory' },
      ]);
      expect(Module.exports(module).every(({ kind }) => kind === 'function')).toBe(true);
    }
  });

  it('is the same inlined as in its files', async () => {
    const compiled: Uint8Array[] = [];
    const record = (bytes: Uint8Array) => {
      compiled.push(new Uint8Array(bytes));
      return compile(bytes);
    };
    vi.stubGlobal('WebAssembly', { ...own(), compile: record });
    for (const relaxedSimd of [false, true]) {
      (await createWasmBackend({ relaxedSimd, threads: 1 })).dispose();
    }
    expect(compiled).toEqual([wasmFile('simd'), wasmFile('relaxed')]);
  });
});
