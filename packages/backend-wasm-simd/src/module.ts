import { BackendError, builtinModule } from '@octet/backend';
import { probeFeatures } from './features';
import { platform, type WasmExports, type WasmMemory, type WasmModule, type WasmNamespace } from './platform';

/** The other way, in all places where WebAssembly can't be had. */
export const useReference =
  "use the js backend: setBackend(referenceBackend) from '@octet/backend-js-reference'.";

export const freeMemory = 'Close other pages or programs, or dispose other backends first.';

/** The limits of an imported memory: with a maximum; and the same, shared between threads. */
const withMaximum = 1;
const shared = 3;

/** The bytes of a generated module: base64 of deflated wasm. */
export async function inflate(text: string): Promise<Uint8Array> {
  const packed = fromBase64(text);
  // In Node the mere mention of Response takes 40 ms.
  const zlib = builtinModule<{ inflateRawSync(bytes: Uint8Array): Uint8Array }>('node:zlib');
  if (zlib) return zlib.inflateRawSync(packed);
  const { Blob, DecompressionStream, Response } = platform as Required<typeof platform>;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function fromBase64(text: string): Uint8Array {
  // The loop is slow in an engine that has just started.
  if (platform.Buffer) return platform.Buffer.from(text, 'base64');
  const { atob } = platform as Required<typeof platform>;
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Whether these are bytes: of any realm, shared or not. */
export function isBytes(wasm: object): wasm is ArrayBuffer | ArrayBufferView {
  return (wasm as Partial<ArrayBuffer>).byteLength !== undefined;
}

/** A copy, which can be changed. */
export function copyOf(bytes: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice()
    : new Uint8Array(bytes).slice();
}

/** @throws BackendError if there is no such file, or no way to it. */
export async function fetchBytes(url: string | { readonly href: string }): Promise<Uint8Array> {
  let found = 'an environment without fetch';
  let cause: unknown;
  try {
    const response = await platform.fetch?.(url);
    if (response?.ok) return new Uint8Array(await response.arrayBuffer());
    if (response) found = `HTTP status ${response.status}`;
  } catch (error) {
    cause = error;
    found = `${error}`;
  }
  throw new BackendError(
    {
      op: 'createWasmBackend',
      expected: `wasm at ${url}`,
      found,
      fix: 'Check wasmUrl, give the bytes of a file on disk as wasmModule, or leave both out: the wasm is part of the JavaScript.',
    },
    { cause },
  );
}

function notOurs(found: string, cause?: unknown): BackendError {
  return new BackendError(
    {
      op: 'createWasmBackend',
      expected: 'a wasm module of @octet/backend-wasm-simd, which imports its memory',
      found,
      fix: "Give wasmUrl or wasmModule the package's own file, of the same version as its JavaScript.",
    },
    { cause },
  );
}

/**
 * Says in the module's bytes whether the memory that it imports is shared. Kernels use no atomics, so the code is the
 * same either way, and one file serves both.
 *
 * @throws BackendError if the bytes aren't a module of this package.
 */
export function setMemoryShared(bytes: Uint8Array, isShared: boolean): void {
  const at = findMemoryLimits(bytes);
  if (at === undefined || (bytes[at] !== withMaximum && bytes[at] !== shared)) {
    throw notOurs(`${bytes.length} bytes of something else`);
  }
  bytes[at] = isShared ? shared : withMaximum;
}

/** Where the limits of the imported memory are. */
function findMemoryLimits(bytes: Uint8Array): number | undefined {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 127) << shift;
      if (!(byte & 128)) return value >>> 0;
    }
  };
  const skip = (count: number) => {
    at += count;
  };
  if (bytes[0] !== 0 || bytes[1] !== 97 || bytes[2] !== 115 || bytes[3] !== 109) return undefined;
  while (at < bytes.length) {
    const section = bytes[at++];
    const size = number();
    if (section !== 2) {
      at += size;
      continue;
    }
    // The import section: the memory is its only entry.
    if (number() !== 1) return undefined;
    skip(number());
    skip(number());
    return bytes[at++] === 2 ? at : undefined;
  }
  return undefined;
}

const bytesOfNothing = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

/** What helps where the engine refused these bytes. */
async function remedyFor(cause: string, bytes: Uint8Array, given: boolean): Promise<string> {
  const { compile, validate } = platform.WebAssembly as WasmNamespace;
  const mayCompile = await compile(bytesOfNothing).then(
    () => true,
    () => false,
  );
  if (!mayCompile) {
    const instead = /policy|csp|unsafe-eval/i.test(cause)
      ? "Allow 'wasm-unsafe-eval' in script-src of the page's Content-Security-Policy"
      : "Import '@octet/backend-wasm-simd/simd.wasm', which the runtime compiles beforehand, and give it as wasmModule";
    return `${instead}; or ${useReference}`;
  }
  if (!given || validate(bytes)) return freeMemory;
  return probeFeatures().relaxedSimd
    ? "The file is damaged: copy the package's again, whole."
    : "Give the package's simd.wasm: this engine has no relaxed SIMD.";
}

/**
 * @param given whether the bytes came by wasmUrl or wasmModule
 * @throws BackendError if this engine can't run them, or may not compile any: a sentence for each cause says what helps
 */
export async function compile(bytes: Uint8Array, given: boolean): Promise<WasmModule> {
  try {
    return await (platform.WebAssembly as WasmNamespace).compile(bytes);
  } catch (cause) {
    const found = `${cause}`;
    throw new BackendError(
      {
        op: 'createWasmBackend',
        expected: 'an engine that compiles its wasm',
        found,
        fix: await remedyFor(found, bytes, given),
      },
      { cause },
    );
  }
}

/** The module's functions, at work in this memory. @throws BackendError if it isn't a module of this package. */
export function instantiate(module: WasmModule, memory: WasmMemory): WasmExports {
  const { Instance } = platform.WebAssembly as WasmNamespace;
  let exports: WasmExports;
  try {
    ({ exports } = new Instance(module, { env: { memory } }));
  } catch (cause) {
    throw notOurs(`${cause}`, cause);
  }
  if (!exports.dotOf) throw notOurs('one without its functions');
  return exports;
}
