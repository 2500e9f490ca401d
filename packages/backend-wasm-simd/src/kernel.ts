import {
  BackendError,
  type CompositeName,
  type KernelFn,
  type KernelName,
  type Kernels,
  type KernelTable,
  type KernelTensor,
  numel,
  OctetError,
  type PrepackingKernel,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { type Address, nowhere } from './address';
import type { BufferPool, WasmBuffer } from './buffers';
import type { Dot } from './features';
import type { Calls, Lowerings, WasmFunction } from './generated/exports';
import { type ChainPart, chainArgs, chainOf, listBytes, type Moved, move, readList, writeList } from './job';
import type { WasmExports } from './platform';
import { checkArgs, type ThreadPool, type UnitFunction } from './threads';

export type WasmTensor = KernelTensor<WasmBuffer>;

type Args<N extends KernelName> = Parameters<KernelFn<KernelTable[N], WasmBuffer>>;
type Weights<N extends KernelName> = Parameters<PrepackingKernel<KernelTable[N], WasmBuffer>['prepack']>[0];

/** A kernel: prepares the numbers and calls wasm functions by name. */
export type WasmKernel<N extends KernelName> = (cx: KernelContext, ...args: Args<N>) => void;

/** A kernel that packs its weights once. Whatever of `Packed` is memory must be buffers of `cx.allocate`. */
export interface WasmPrepackingKernel<N extends KernelName, Packed> {
  prepack(cx: KernelContext, weights: Weights<N>, attrs: KernelTable[N]['attrs']): Packed;
  run(cx: KernelContext, tensors: Args<N>[0], attrs: KernelTable[N]['attrs'], packed: Packed): void;
  free(cx: KernelContext, packed: Packed): void;
}

/** The number of elements that the shape says; the buffer may be longer. */
export function size(t: WasmTensor): number {
  return numel(t.shape);
}

/** What lies in scratch memory, where a kernel that is part of another's expects a tensor. */
export interface InScratch {
  readonly at: Address;
  readonly shape: readonly number[];
}

/** Scratch memory of each thread, as wasm functions take it: that of the first, and bytes from one thread's to the next one's. */
export interface ScratchEach {
  readonly scratch: Address;
  readonly scratchStep: number;
}

/** Takes down what a kernel would do, in place of doing it. */
export interface Recorder {
  /** The kernel uses the buffer's address. */
  pin(buffer: WasmBuffer): void;
  scratch(bytes: number): number;
  scratchEach(bytes: number): ScratchEach;
  /** Undefined where `of` may differ from run to run. */
  derived(of: WasmTensor, bytes: number, make: (to: Address) => void): Address | undefined;
  upload(data: TypedArray): number;
  call(call: WasmCall): void;
  /** Whether one thread does all units of a call. */
  readonly oneThread?: boolean;
}

/** A call of a wasm function with `args, begin, end, thread`, until units 0 to `units` are done. */
export interface WasmCall {
  /** For errors. */
  readonly name: string;
  readonly fn: UnitFunction;
  /** The function's place among the module's exports. */
  readonly index: number;
  readonly args: readonly number[];
  /** `args`, and those that make the call do all units. */
  readonly whole: readonly number[];
  readonly units: number;
  /** The least number of units worth handing to a thread. */
  readonly grain: number;
  /** Where this is not one function but calls one after another, for each of its units. */
  readonly chain?: readonly ChainPart[];
}

/** A call of a program, and which of its arguments are in what a run is given. */
export interface MovedCall extends WasmCall {
  readonly whole: number[];
  readonly moved: readonly Moved[];
}

/** A kernel can't be recorded: what it does depends on what is in memory. */
export class LooksAtData extends Error {}

/** The functions that take the same arguments as F. */
export type FunctionLike<F extends WasmFunction> = {
  [N in WasmFunction]: [Calls[N], Calls[F]] extends [Calls[F], Calls[N]] ? N : never;
}[WasmFunction];

/** No arguments but those of `Expected`: spread objects may carry more, which TypeScript alone lets pass. */
type NoMore<Expected, Given> = { readonly [K in Exclude<keyof Given, keyof Expected>]: never };

interface Callable {
  fn: UnitFunction;
  /** Its place among the module's exports. */
  index: number;
  lower(args: object): number[];
}

/** What a kernel has to work with. Addresses hold until the kernel returns. */
export class KernelContext {
  #recorder: Recorder | undefined;
  readonly #functions: Map<string, Callable>;
  /** The function of an index. */
  readonly #at: (index: number) => UnitFunction;
  readonly #pool: ThreadPool | undefined;
  readonly #maxGrain: number;

  constructor(
    exports: WasmExports,
    names: readonly string[],
    lowerings: Lowerings,
    readonly buffers: BufferPool,
    pool: ThreadPool | undefined,
    private readonly allThreads: number,
    readonly dot: Dot,
    maxGrain: number,
  ) {
    const lower = lowerings as Readonly<Record<string, Callable['lower']>>;
    this.#functions = new Map(
      names.map((name, index) => [name, { fn: exports[name], index, lower: lower[name] }]),
    );
    this.#at = (index) => exports[names[index]];
    this.#pool = pool;
    this.#maxGrain = maxGrain;
  }

  /** How many threads may run a unit: thread numbers are below this. */
  get threads(): number {
    return this.#recorder?.oneThread ? 1 : this.allThreads;
  }

  /** Lets go of the wasm, and so of its memory. */
  dispose(): void {
    this.#functions.clear();
    this.buffers.dispose();
    this.#pool?.dispose();
  }

  /** The address of a tensor's or buffer's first element. */
  address(of: WasmTensor | WasmBuffer | InScratch): Address {
    if ('at' in of) return of.at;
    const buffer = 'buffer' in of ? of.buffer : of;
    this.#recorder?.pin(buffer);
    return this.buffers.address(buffer) as Address;
  }

  /** The same, or 0 where there is none. */
  addressIfAny(of: WasmTensor | WasmBuffer | undefined): Address {
    return of ? this.address(of) : nowhere;
  }

  /** Runs a kernel's code so that the recorder takes down what it would do. @throws LooksAtData if it depends on data */
  record(recorder: Recorder, run: () => void): void {
    const outer = this.#recorder;
    this.#recorder = recorder;
    if (!outer) this.buffers.begin();
    try {
      run();
    } finally {
      this.#recorder = outer;
      if (!outer) this.buffers.end();
    }
  }

  /** Bytes that `replayer` wants for these calls. */
  replayBytes(calls: readonly MovedCall[]): number {
    return this.#pool ? listBytes(calls, this.#pool.threads) : 0;
  }

  /**
   * What does these calls one after another, on all threads where that pays, with what a run is given at these addresses. `at`: the address
   * of `replayBytes` bytes.
   */
  replayer(calls: readonly MovedCall[], at: number): (given: readonly number[]) => void {
    const pool = this.#pool;
    const shared = calls.map(({ index, args, units, grain, chain, moved }) => ({
      ...{ index, args, units, moved },
      ...(chain ? { chain, chunk: 1 } : { chunk: pool?.chunkOf(units, grain) ?? units }),
    }));
    if (!pool || shared.every(({ units, chunk }) => units <= chunk)) {
      const withMoved = calls.filter(({ moved }) => moved.length > 0);
      return (given) => {
        for (const { whole, moved } of withMoved) move(whole, moved, (i) => given[i]);
        replay(calls);
      };
    }
    const memory = this.buffers.memory.buffer as SharedArrayBuffer;
    writeList(memory, at, ++lists, pool.threads, shared);
    const list = readList(memory, at, this.#at);
    return (given) => {
      try {
        pool.runList(at, list, given);
      } catch (error) {
        throw kernelError(calls.length === 1 ? calls[0].name : 'plan.run', error);
      }
    };
  }

  /** Calls one after another for each of `images`, as one call. */
  chain(parts: readonly ChainPart[], images: number): WasmCall {
    const args = chainArgs(parts);
    const whole = { args, whole: [...args, 0, images, 0], units: images, grain: 1 };
    return { name: 'plan.run', fn: chainOf(parts, this.#at), index: -1, ...whole, chain: parts };
  }

  /** The address of `bytes` bytes of scratch memory, contents unspecified, aligned to 64 bytes. */
  scratch(bytes: number): Address {
    return (this.#recorder ? this.#recorder.scratch(bytes) : this.buffers.scratch(bytes)) as Address;
  }

  /** Scratch memory of `bytes` bytes for each thread; in a program a thread has the same memory at every step. */
  scratchEach(bytes: number): ScratchEach {
    if (this.#recorder) return this.#recorder.scratchEach(bytes);
    const scratchStep = Math.ceil(bytes / 64) * 64;
    return { scratch: this.scratch(this.threads * scratchStep), scratchStep };
  }

  /**
   * The address of `bytes` bytes that `make` fills by what is in `of`, and nothing else that changes: scratch memory, or in a
   * program whose runs all find the same in `of` memory that is filled once. Packed weights of kernels that don't prepack.
   */
  derived(of: WasmTensor, bytes: number, make: (to: Address) => void): Address {
    const known = this.#recorder?.derived(of, bytes, make);
    if (known !== undefined) return known;
    const to = this.scratch(bytes);
    make(to);
    return to;
  }

  /** The address of a copy of `data` in scratch memory: for attributes that are arrays. */
  upload(data: TypedArray): Address {
    if (this.#recorder) return this.#recorder.upload(data) as Address;
    const at = this.scratch(data.byteLength);
    this.buffers.put(data, at);
    return at;
  }

  /** A buffer that outlives the call: for packed weights. Free it with `free`. */
  allocate(dtype: StorageDType, length: number): WasmBuffer {
    if (this.#recorder) throw new LooksAtData();
    return this.buffers.allocate(dtype, length);
  }

  free(buffer: WasmBuffer): void {
    this.buffers.free(buffer);
  }

  /** `length` elements at an address, to read or write from here; valid until the next scratch, allocate or address. */
  view(dtype: StorageDType, address: number, length: number): TypedArray {
    if (this.#recorder) throw new LooksAtData();
    return this.buffers.memory.view(dtype, address, length);
  }

  /**
   * Calls an exported wasm function with `args, begin, end, thread` until units 0 to `units` are done, on all threads.
   * Units must not depend on each other. `grain` is the least number of units worth handing to a thread: about 20 µs.
   */
  parallel<N extends WasmFunction, A extends Calls[N]>(
    name: N,
    args: A & NoMore<Calls[N], A>,
    units: number,
    grain = 1,
  ): void {
    const { fn, index, lower } = this.#functions.get(name) as Callable;
    const numbers = lower(args);
    checkArgs(name, fn, numbers);
    if (units <= 0) return;
    const least = Math.min(grain, this.#maxGrain);
    if (this.#recorder) {
      this.#recorder.call({
        name,
        fn,
        index,
        args: numbers,
        whole: [...numbers, 0, units, 0],
        units,
        grain: least,
      });
      return;
    }
    if (this.#pool && units > least) this.#pool.run(fn, index, numbers, units, least);
    else {
      numbers.push(0, units, 0);
      fn(...numbers);
    }
  }
}

/** An error of a kernel as a typed one. */
export function kernelError(name: string, error: unknown): OctetError {
  if (error instanceof OctetError) return error;
  return new BackendError(
    {
      op: name,
      expected: 'the kernel to run',
      found: `${error}`,
      fix: 'This is a bug in @octet/backend-wasm-simd: please report it, with the shapes.',
    },
    { cause: error },
  );
}

/** A bound kernel's code, by itself. */
export type KernelCode = (tensors: never, attrs: never, packed: never) => void;

/** How many lists of calls were written. */
let lists = 0;

/** Does all units of the calls, on this thread. */
export function replay(calls: readonly WasmCall[]): void {
  for (let i = 0; i < calls.length; i++) {
    const { name, fn, whole } = calls[i];
    try {
      fn(...whole);
    } catch (error) {
      throw kernelError(name, error);
    }
  }
}

/**
 * Makes kernels of the contract's form: each call is a kernel call of the pool, and traps become typed errors. `codes` gets the
 * code of each.
 */
export function bindKernels(
  cx: KernelContext,
  table: Partial<WasmKernels>,
  codes = new Map<unknown, KernelCode>(),
): Partial<Kernels<WasmBuffer>> {
  const call = <R>(name: string, run: () => R): R => {
    cx.buffers.begin();
    try {
      return run();
    } catch (error) {
      throw kernelError(name, error);
    } finally {
      cx.buffers.end();
    }
  };
  const bound: Record<string, unknown> = {};
  for (const [name, kernel] of Object.entries(table as unknown as Record<string, AnyKernel>)) {
    if (typeof kernel === 'function') {
      bound[name] = (tensors: never, attrs: never) => call(name, () => kernel(cx, tensors, attrs));
      codes.set(bound[name], (tensors, attrs) => kernel(cx, tensors, attrs));
      continue;
    }
    bound[name] = {
      prepack: (weights: never, attrs: never) => call(name, () => kernel.prepack(cx, weights, attrs)),
      run: (tensors: never, attrs: never, packed: never) =>
        call(name, () => kernel.run(cx, tensors, attrs, packed)),
      free: (packed: never) => kernel.free(cx, packed),
    };
    codes.set(bound[name], (tensors, attrs, packed) => kernel.run(cx, tensors, attrs, packed));
  }
  return bound as Partial<Kernels<WasmBuffer>>;
}

type AnyKernel = WasmKernel<never> | WasmPrepackingKernel<never, never>;

// biome-ignore lint/suspicious/noExplicitAny: what a kernel packs is its own business
type Entry<N extends KernelName> = WasmKernel<N> | WasmPrepackingKernel<N, any>;

/** A kernel of each name; those that have a composite may be missing. The type makes a forgotten one a compile error. */
export type WasmKernels = { readonly [N in Exclude<KernelName, CompositeName>]: Entry<N> } & {
  readonly [N in CompositeName]?: Entry<N>;
};
