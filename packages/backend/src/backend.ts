import type { StorageDType, TypedArray } from './dtype';
import type { CompositeName } from './elementwise/functions';
import { BackendError } from './errors';
import type { KernelName, KernelSpec, KernelTable, Profile } from './kernel-table';
import type { CompiledProgram, Program } from './program';

/** A dense row-major tensor as a kernel sees it. `B` is the backend's own buffer type, opaque to everyone else. */
export interface KernelTensor<B = unknown> {
  readonly buffer: B;
  readonly dtype: StorageDType;
  readonly shape: readonly number[];
  /**
   * What the caller knows this memory as: `Tensor`s for the ops of @octet/tensor, with their logical shape, strides and
   * scale. For dispatch hooks; kernels never look at it.
   */
  readonly source?: unknown;
}

/** The named tensors of one kernel call: inputs and outputs in one object. */
export type KernelTensors<S extends KernelSpec, T> = { readonly [N in S['in'] | S['out']]: T } & {
  readonly [N in S['optionalIn'] | S['optionalOut']]?: T | undefined;
};

export type KernelFn<S extends KernelSpec, B> = (
  tensors: KernelTensors<S, KernelTensor<B>>,
  attrs: S['attrs'],
) => void;

/** The inputs of a kernel but `x`: what stays the same from call to call. */
export type KernelWeights<S extends KernelSpec, T> = { readonly [N in Exclude<S['in'], 'x'>]: T } & {
  readonly [N in Exclude<S['optionalIn'], 'x'>]?: T | undefined;
};

/**
 * A kernel that wants its weights in a form of its own. `prepack` runs once per set of weights (at convert, at load, or
 * at first use); its result is handed to every `run`. It may use all attributes: other weights or attributes come with
 * another `PrepackCache`, or a cleared one. It may hold memory of the backend: `free` gives that back.
 */
export interface PrepackingKernel<S extends KernelSpec, B, P = unknown> {
  prepack(weights: KernelWeights<S, KernelTensor<B>>, attrs: S['attrs']): P;
  // Methods, not properties: so that a kernel with packed weights of its own type fits the table.
  run(tensors: KernelTensors<S, KernelTensor<B>>, attrs: S['attrs'], packed: P): void;
  free?(packed: P): void;
}

export type Kernel<S extends KernelSpec, B> = KernelFn<S, B> | PrepackingKernel<S, B>;

/** The whole table. Kernels with a composite may be absent. */
export type Kernels<B> = {
  readonly [N in Exclude<KernelName, CompositeName>]: Kernel<KernelTable[N], B>;
} & { readonly [N in CompositeName]?: Kernel<KernelTable[N], B> };

export interface FallbackEvent {
  readonly kernel: KernelName;
  readonly backend: Backend;
  readonly fallback: Backend;
}

/**
 * Where tensors live and what computes on them: storage, and a table of kernels which may be partial. A plain object.
 *
 * Buffers are ordinary JavaScript objects of the backend's own type. Users never have to free one: a backend whose
 * memory the garbage collector doesn't manage must watch its own buffers with a `FinalizationRegistry`.
 */
// biome-ignore lint/suspicious/noExplicitAny: a backend's buffer type is nobody else's business
export interface Backend<B = any> {
  readonly name: string;
  /** The dtypes that `allocate` takes. */
  readonly dtypes: readonly StorageDType[];
  /** Room for `length` elements, contents unspecified. Throws a typed error with the sizes when out of memory. */
  allocate(dtype: StorageDType, length: number): B;
  /** Copies `data` to the buffer's start. Throws FreedError after `free`. */
  write(buffer: B, data: TypedArray): void;
  /**
   * A copy of the buffer's first `length` elements as they are at the time of the call, whatever is written or freed
   * after. Throws (rejects with) FreedError after `free`.
   */
  read(buffer: B, length: number): Promise<TypedArray>;
  /** As `read`, at once. Absent where reading takes time (WebGPU). */
  readSync?(buffer: B, length: number): TypedArray;
  /** Gives the memory back now. A second `free` throws FreedError. */
  free(buffer: B): void;
  readonly kernels: Partial<Kernels<B>>;
  /** Runs the kernels that `kernels` lacks, on copies. Needs `readSync` on both sides. */
  readonly fallback?: Backend;
  /** Told at every fallback. Without it the first fallback of each kernel is written to the console. */
  readonly onFallback?: (event: FallbackEvent) => void;
  /** The profiles this backend promises to run without fallback. */
  readonly profiles?: readonly Profile[];
  /** What to do about a kernel that is missing: the last sentence of the error. Absent: what any backend's user can do. */
  readonly missingFix?: string;
  /** Buffers alive and their bytes. */
  memory?(): { buffers: number; bytes: number };
  /** What the backend runs on, for people: features found, threads, adapter. */
  info?(): Record<string, string | number | boolean>;
  /** Waits until all work handed over is done; for timing. Absent where every kernel is done when it returns. */
  sync?(): Promise<void>;
  /** Ends workers and gives all memory back. */
  dispose?(): void;
  /**
   * Makes a program ready to be run many times: plans of @octet/graph. Without it they call the kernels one after another.
   * It must run any kernel in the program, also one that `extendBackend` brought: by calling it, where it is not its own.
   */
  compile?(program: Program<B>): CompiledProgram<B>;
}

/**
 * The first `length` elements of a buffer, at once. @throws BackendError on a backend without `readSync`: `fix` says what
 * to do there
 */
export function readSyncOrThrow<B>(
  op: string,
  backend: Backend<B>,
  buffer: B,
  length: number,
  fix: string,
): TypedArray {
  if (backend.readSync) return backend.readSync(buffer, length);
  throw new BackendError({
    op,
    expected: 'a backend that can be read at once',
    found: `'${backend.name}', which can't`,
    fix,
  });
}

export interface BackendExtension<B> {
  name: string;
  /** Kernels that replace the base's, or add to them. */
  kernels: Partial<Kernels<B>>;
  onFallback?: (event: FallbackEvent) => void;
}

/**
 * A backend like `base` with some kernels swapped. Storage is the base's, so the buffers in `kernels` are the base's
 * too, but tensors of the two backends don't mix: move them with `tensor.to(backend)`.
 *
 * @throws BackendError if the name is the base's own or a kernel isn't a function or `{ prepack, run }`.
 */
export function extendBackend<B>(
  base: Backend<B>,
  { name, kernels, onFallback }: BackendExtension<B>,
): Backend<B> {
  if (!name || name === base.name) {
    throw new BackendError({
      op: 'extendBackend',
      expected: `a name that differs from the base backend's`,
      found: `'${name}'`,
      fix: 'Give the new backend a name of its own: reports and errors show it.',
    });
  }
  for (const [kernel, value] of Object.entries(kernels)) {
    const ok =
      typeof value === 'function' ||
      (typeof value?.prepack === 'function' && typeof value.run === 'function');
    if (!ok) {
      throw new BackendError({
        op: 'extendBackend',
        expected: `kernel '${kernel}' to be a function or { prepack, run }`,
        found: value === null ? 'null' : typeof value,
        fix: 'See docs/adding-a-kernel.md for the two forms of a kernel.',
      });
    }
  }
  // Prototype, not spread: storage methods of a class-based backend stay reachable.
  return Object.assign(Object.create(base) as Backend<B>, {
    name,
    kernels: { ...base.kernels, ...kernels },
    ...(onFallback ? { onFallback } : {}),
  });
}
