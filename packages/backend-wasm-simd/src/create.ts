import {
  ArgumentError,
  type Backend,
  BackendError,
  checkOptions,
  type FallbackEvent,
  type Profile,
  type TypedArray,
} from '@octet/backend';
import { BufferPool, dtypes, type WasmBuffer } from './buffers';
import { applyDelta } from './delta';
import { type Dot, type Features, probeDot, probeFeatures } from './features';
import type { Lowerings } from './generated/exports';
import { bindKernels, type KernelCode, KernelContext, type WasmKernels } from './kernel';
import { LinearMemory, pageBytes } from './memory';
import {
  compile,
  copyOf,
  fetchBytes,
  freeMemory,
  inflate,
  instantiate,
  isBytes,
  setMemoryShared,
  useReference,
} from './module';
import { platform, type WasmMemory, type WasmModule, type WasmNamespace } from './platform';
import { compileProgram } from './program';
import { hardwareThreads, ThreadPool, whyNoThreads } from './threads';

export interface WasmBackendOptions {
  /** How many threads compute, this one included. 'auto' (the default): what the machine can run at once, at most 8. */
  threads?: number | 'auto';
  /** Whether to use relaxed SIMD. 'auto' (the default): if the engine has it. Results are the same integers. */
  relaxedSimd?: boolean | 'auto';
  /**
   * How products of bytes are made; 'auto' (the default): the best that the engine has, see `info()`. For tests and
   * comparison: results are the same integers.
   */
  dot?: Dot | 'auto';
  /**
   * Where to fetch the wasm from, instead of the JavaScript that carries it: a copy of this package's simd.wasm or
   * relaxed.wasm. `relaxedSimd` says nothing then.
   */
  wasmUrl?: string | { readonly href: string };
  /** The bytes of such a file; or a module compiled from it, which can run on one thread only. */
  wasmModule?: ArrayBuffer | Uint8Array | WasmModule;
  /** Bytes of wasm memory past which tensors not in use move out to ordinary JavaScript memory. 256 MiB. */
  memoryBudget?: number;
  /** Bytes that the wasm memory may grow to. 4 GiB, or what the engine allows. */
  maximumMemory?: number;
  /** Runs the kernels that are taken out of this backend, which has all of the table. */
  fallback?: Backend;
  /** Told of each kernel that runs on `fallback`. */
  onFallback?: (event: FallbackEvent) => void;
  /** @internal For tests: 1 hands the smallest piece of work to a thread, worth it or not. */
  maxGrain?: number;
}

/** What an entry of the package has: all kernels, or those of some profiles. */
export interface KernelSet {
  readonly kernels: Partial<WasmKernels>;
  readonly lower: Lowerings;
  readonly profiles: readonly Profile[];
  /** The wasm, and what makes the relaxed variant of it: loaded only if needed, so that a page with its own wasm doesn't. */
  readonly simd: () => Promise<{ default: string }>;
  readonly relaxed: () => Promise<{ default: string }>;
  /** What to do about a kernel that isn't here; undefined where all are. */
  readonly missingFix?: string;
}

export interface WasmBackend extends Backend<WasmBuffer> {
  /**
   * Resolves when all threads have started (in about 50 ms) or failed to. No need to wait: until then the others do their
   * share. It is for measuring.
   */
  readonly ready: Promise<void>;
  memory(): { buffers: number; bytes: number };
  info(): Record<string, string | number | boolean>;
  readSync(buffer: WasmBuffer, length: number): TypedArray;
  dispose(): void;
}

const megabyte = 2 ** 20;
const initialPages = (4 * megabyte) / pageBytes;
const mostPages = 65536;
const maxAutoThreads = 8;

/** Every engine with less than this is refused. @throws BackendError */
function checkFeatures(features: Features): void {
  if (features.simd) return;
  throw new BackendError({
    op: 'createWasmBackend',
    expected: 'an engine with WebAssembly SIMD',
    found: platform.WebAssembly ? 'one without' : 'one without WebAssembly',
    fix: `Update the engine, or ${useReference}`,
  });
}

function checkCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ArgumentError({
    op: 'createWasmBackend',
    expected: `${name} to be a whole number from ${least}`,
    found: `${value}`,
    fix: 'Leave the option out for a good value.',
  });
}

/** A wasm memory that may grow to `pages`, or to less if the engine won't set aside so much. */
function makeMemory(pages: number, shared: boolean): { memory: WasmMemory; pages: number } {
  const { Memory } = platform.WebAssembly as WasmNamespace;
  for (let maximum = pages; ; maximum = Math.ceil(maximum / 2)) {
    try {
      const memory = new Memory({ initial: Math.min(initialPages, maximum), maximum, shared });
      return { memory, pages: maximum };
    } catch (cause) {
      if (maximum > initialPages) continue;
      throw new BackendError(
        {
          op: 'createWasmBackend',
          expected: `a wasm memory of ${maximum * pageBytes} bytes`,
          found: 'an engine that refuses it',
          fix: freeMemory,
        },
        { cause },
      );
    }
  }
}

/** Whether to use the inlined variant with relaxed SIMD, and why. */
function chooseVariant(features: Features, wanted: boolean | 'auto'): { relaxed: boolean; why: string } {
  if (wanted === true && !features.relaxedSimd) {
    throw new BackendError({
      op: 'createWasmBackend',
      expected: 'an engine with relaxed SIMD, as relaxedSimd: true demands',
      found: 'one without',
      fix: "Leave relaxedSimd at 'auto': results are the same integers either way.",
    });
  }
  if (wanted !== 'auto') return { relaxed: wanted, why: `relaxedSimd: ${wanted}` };
  return features.relaxedSimd
    ? { relaxed: true, why: 'the engine has it' }
    : { relaxed: false, why: 'the engine has no relaxed SIMD' };
}

/**
 * How to make products of bytes, and why.
 *
 * @throws ArgumentError if another way is wanted than the engine's own, 'seven' (where it has relaxed SIMD) or 'exact'
 */
function chooseDot(found: Dot, wanted: Dot | 'auto'): { dot: Dot; why: string } {
  if (wanted === 'auto') {
    return {
      dot: found,
      why: found === 'exact' ? 'no relaxed SIMD' : 'what the engine makes of relaxed_dot',
    };
  }
  const possible: Dot[] = found === 'exact' ? ['exact'] : [...new Set<Dot>([found, 'seven', 'exact'])];
  if (possible.includes(wanted)) return { dot: wanted, why: `dot: ${wanted}` };
  throw new ArgumentError({
    op: 'createWasmBackend',
    expected: `dot to be one of ${['auto', ...possible].join(', ')} on this engine`,
    found: `${wanted}`,
    fix: "Leave it at 'auto': results are the same integers.",
  });
}

/** The wasm to run, and why this one: bytes, unless it was given compiled. */
async function findWasm(
  set: KernelSet,
  features: Features,
  { wasmUrl, wasmModule, relaxedSimd = 'auto' }: WasmBackendOptions,
): Promise<{ wasm: Uint8Array | WasmModule; why: string }> {
  if (wasmModule) {
    return { wasm: isBytes(wasmModule) ? copyOf(wasmModule) : wasmModule, why: 'wasmModule' };
  }
  if (wasmUrl) return { wasm: await fetchBytes(wasmUrl), why: 'wasmUrl' };
  const { relaxed, why } = chooseVariant(features, relaxedSimd);
  return { wasm: await inlinedWasm(set, relaxed), why };
}

/** @throws BackendError if the JavaScript that carries the wasm can't be loaded or read. */
async function inlinedWasm(set: KernelSet, relaxed: boolean): Promise<Uint8Array> {
  try {
    const read = async (part: Promise<{ default: string }>) => inflate((await part).default);
    const [simd, delta] = await Promise.all([read(set.simd()), relaxed ? read(set.relaxed()) : undefined]);
    return delta ? applyDelta(simd, delta) : simd;
  } catch (cause) {
    const parts = platform.ServiceWorkerGlobalScope
      ? 'Bundle the service worker into one file'
      : 'Serve all files of the bundle';
    throw new BackendError(
      {
        op: 'createWasmBackend',
        expected: 'the script with the wasm',
        found: `${cause}`,
        fix: `${parts}, or give wasmUrl a copy of @octet/backend-wasm-simd/simd.wasm.`,
      },
      { cause },
    );
  }
}

/** How many threads to use, and why. */
function chooseThreads(
  features: Features,
  wanted: number | 'auto',
  compiled: boolean,
): { threads: number; why: string } {
  const threads = wanted === 'auto' ? Math.min(hardwareThreads(), maxAutoThreads) : wanted;
  if (threads > 1) {
    const hindrance = compiled
      ? 'wasmModule is compiled for one thread: give its bytes'
      : whyNoThreads(features);
    if (hindrance) return { threads: 1, why: hindrance };
  }
  return {
    threads,
    why: wanted === 'auto' ? `the machine runs ${hardwareThreads()} at once` : `threads: ${wanted}`,
  };
}

/** A backend with the kernels of a set: `createWasmBackend` of an entry. */
export async function createFrom(set: KernelSet, options: WasmBackendOptions): Promise<WasmBackend> {
  checkOptions(
    'createWasmBackend',
    options,
    'threads relaxedSimd dot wasmUrl wasmModule memoryBudget maximumMemory fallback onFallback maxGrain',
  );
  const {
    memoryBudget = 256 * megabyte,
    maximumMemory = mostPages * pageBytes,
    fallback,
    onFallback,
  } = options;
  if (typeof options.threads === 'number') checkCount('threads', options.threads, 1);
  checkCount('memoryBudget', memoryBudget, 0);
  checkCount('maximumMemory', maximumMemory, pageBytes);
  const features = probeFeatures();
  checkFeatures(features);
  const { wasm, why } = await findWasm(set, features, options);
  const compiled = !(wasm instanceof Uint8Array);
  const choice = chooseThreads(features, options.threads ?? 'auto', compiled);
  const shared = choice.threads > 1;
  if (!compiled) setMemoryShared(wasm, shared);
  const module = compiled ? wasm : await compile(wasm, why.startsWith('wasm'));

  const { memory, pages } = makeMemory(Math.min(mostPages, Math.floor(maximumMemory / pageBytes)), shared);
  const { Module } = platform.WebAssembly as WasmNamespace;
  const exports = instantiate(module, memory);
  const names = Module.exports(module).map(({ name }) => name);
  const relaxed = exports.isRelaxed() === 1;
  const dot = chooseDot(probeDot(exports.dotOf), options.dot ?? 'auto');
  const pool = shared ? new ThreadPool(choice.threads - 1, module, memory) : undefined;

  const buffers = new BufferPool(
    new LinearMemory(memory, exports.heapBase(), pages * pageBytes),
    memoryBudget,
  );
  const cx = new KernelContext(
    exports,
    names,
    set.lower,
    buffers,
    pool,
    choice.threads,
    dot.dot,
    options.maxGrain ?? Infinity,
  );

  const codes = new Map<unknown, KernelCode>();
  return {
    name: 'wasm-simd',
    dtypes,
    kernels: bindKernels(cx, set.kernels, codes),
    compile: (program) => compileProgram(cx, codes, program),
    profiles: set.profiles,
    ...(set.missingFix ? { missingFix: set.missingFix } : {}),
    ...(fallback ? { fallback } : {}),
    get ready() {
      return pool?.ready ?? Promise.resolve();
    },
    ...(onFallback ? { onFallback } : {}),
    allocate: (dtype, length) => buffers.allocate(dtype, length),
    write: (buffer, data) => buffers.write(buffer, data),
    read: async (buffer, length) => buffers.read(buffer, length),
    readSync: (buffer, length) => buffers.read(buffer, length),
    free: (buffer) => buffers.free(buffer),
    memory() {
      const { buffers: count, bytes } = buffers.statistics;
      return { buffers: count, bytes };
    },
    info() {
      const { movedOut, movedIn } = buffers.statistics;
      return {
        variant: relaxed ? 'relaxed simd' : 'simd',
        variantReason: why,
        dot: dot.dot,
        dotReason: dot.why,
        threads: 1 + (pool?.size ?? 0),
        threadsReason: [choice.why, ...(pool?.problems ?? [])].join('; '),
        memoryBudget,
        wasmMemory: buffers.disposed ? 0 : buffers.memory.size,
        movedOut,
        movedIn,
      };
    },
    dispose() {
      cx.dispose();
    },
  };
}
