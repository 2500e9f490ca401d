import {
  type Backend,
  type Kernel,
  type KernelFn,
  type KernelTensor,
  type KernelTensors,
  type PrepackingKernel,
  readSyncOrThrow,
} from './backend';
import { composedKernel } from './elementwise/compose';
import type { Composite } from './elementwise/composite';
import { compositeOf } from './elementwise/lists';
import { MissingKernelError } from './errors';
import {
  composable,
  type KernelName,
  type KernelSpec,
  type KernelTable,
  type Profile,
  profiles,
} from './kernel-table';
import { numel } from './numel';
import { warnOnce } from './warn';

export type KernelInputs<S extends KernelSpec, T = KernelTensor> = { readonly [N in S['in']]: T } & {
  readonly [N in S['optionalIn']]?: T | undefined;
};
export type KernelOutputs<S extends KernelSpec, T = KernelTensor> = { readonly [N in S['out']]: T } & {
  readonly [N in S['optionalOut']]?: T | undefined;
};

/** One kernel call, as a dispatch hook sees it. */
export interface DispatchEvent {
  readonly kernel: KernelName;
  /** The backend of the tensors. */
  readonly backend: Backend;
  /** The backend whose kernel runs: the fallback's, if `backend` lacks the kernel. */
  readonly ranOn: Backend;
  readonly inputs: Readonly<Record<string, KernelTensor | undefined>>;
  readonly outputs: Readonly<Record<string, KernelTensor | undefined>>;
  readonly attrs: object;
  /** What holds the packed weights of a prepacking kernel, if the caller has one. */
  readonly cache?: PrepackCache | undefined;
  /** What makes the kernel of others where a backend has none of its own. */
  readonly composite?: Composite | undefined;
}

/** Wraps one kernel call: must call `run` exactly once. */
export type DispatchHook = (event: DispatchEvent, run: () => void) => void;

const hooks: DispatchHook[] = [];

/** Every kernel call goes through the hook until the returned function is called. The last one added is outermost. */
export function addDispatchHook(hook: DispatchHook): () => void {
  hooks.push(hook);
  return () => {
    const at = hooks.lastIndexOf(hook);
    if (at >= 0) hooks.splice(at, 1);
  };
}

/**
 * Holds what prepacking kernels made of one set of weights, so that it is made once. One per set of weights; it forgets
 * when the attributes that packing depends on change: call `clear`.
 */
export class PrepackCache {
  private readonly packed = new Map<object, PackedWeights>();

  get<S extends KernelSpec, B>(
    kernel: PrepackingKernel<S, B>,
    tensors: KernelTensors<S, KernelTensor<B>>,
    attrs: S['attrs'],
  ): unknown {
    let entry = this.packed.get(kernel);
    if (!entry) {
      const { x: _, ...weights } = tensors as Record<string, KernelTensor<B>>;
      const value = kernel.prepack(weights as Parameters<typeof kernel.prepack>[0], attrs);
      entry = new PackedWeights(value, kernel.free ? () => kernel.free?.(value) : undefined);
      this.packed.set(kernel, entry);
    }
    return entry.value;
  }

  /** What was packed for the kernel, if anything: kept by the caller too, past `clear`, until its `release`. */
  hold(kernel: object): PackedWeights | undefined {
    return this.packed.get(kernel)?.retain();
  }

  clear(): void {
    for (const entry of this.packed.values()) entry.release();
    this.packed.clear();
  }
}

/** Packed weights that several may hold. The last one to release them frees them. */
export class PackedWeights {
  private holders = 1;

  constructor(
    readonly value: unknown,
    private readonly free: (() => void) | undefined,
  ) {}

  /** Holds them once more. */
  retain(): this {
    this.holders++;
    return this;
  }

  release(): void {
    if (--this.holders === 0) this.free?.();
  }
}

/** Calls a kernel of either form directly, without hooks or fallback: for kernels built on others, and for tests. */
export function runKernel<S extends KernelSpec, B>(
  kernel: Kernel<S, B>,
  tensors: KernelTensors<S, KernelTensor<B>>,
  attrs: S['attrs'],
  cache?: PrepackCache,
): void {
  if (typeof kernel === 'function') {
    (kernel as KernelFn<S, B>)(tensors, attrs);
    return;
  }
  const once = cache ?? new PrepackCache();
  try {
    kernel.run(tensors, attrs, once.get(kernel, tensors, attrs));
  } finally {
    if (!cache) once.clear();
  }
}

/**
 * The kernel of a backend itself: its own, or, for the functions that have a composite, one made of others that are its
 * own. undefined where it has neither.
 */
export function kernelOf<N extends KernelName>(
  backend: Backend,
  name: N,
): Kernel<KernelTable[N], unknown> | undefined {
  return ownKernel(backend, name, compositeOf(name));
}

function ownKernel<N extends KernelName>(
  backend: Backend,
  name: N,
  composite: Composite | undefined,
): Kernel<KernelTable[N], unknown> | undefined {
  const own = backend.kernels[name] as Kernel<KernelTable[N], unknown> | undefined;
  return own ?? (composite && composedKernel<N>(backend, composite));
}

/**
 * The way from a kernel's name to the kernel. Finds the backend's own or composes it of others (`kernelOf`), or takes the
 * fallback's, and runs it under the hooks; a composed kernel is one call to them.
 *
 * @throws MissingKernelError if neither has it.
 */
export function dispatch<N extends KernelName>(
  backend: Backend,
  name: N,
  inputs: KernelInputs<KernelTable[N]>,
  outputs: KernelOutputs<KernelTable[N]>,
  attrs: KernelTable[N]['attrs'],
  cache?: PrepackCache,
): void {
  dispatchKernel(backend, name, inputs, outputs, attrs, { cache, composite: compositeOf(name), profileOf });
}

/** What a caller of a kernel knows of it. */
export interface KnownOfKernel {
  readonly cache?: PrepackCache | undefined;
  /** What makes it of others where a backend has none of its own: that of its row, by `compositesOf`. */
  readonly composite?: Composite | undefined;
  /** Names its profile, for the message where it is missing. */
  readonly profileOf?: (kernel: KernelName) => Profile | undefined;
}

/**
 * As `dispatch`, for ops, which have the composite at hand: nothing is looked up by name, so that an app ships those alone that it
 * uses.
 *
 * @throws MissingKernelError if neither the backend nor its fallback has the kernel.
 */
export function dispatchKernel<N extends KernelName>(
  backend: Backend,
  name: N,
  inputs: KernelInputs<KernelTable[N]>,
  outputs: KernelOutputs<KernelTable[N]>,
  attrs: KernelTable[N]['attrs'],
  known: KnownOfKernel,
): void {
  const { cache, composite } = known;
  const own = ownKernel(backend, name, composite);
  if (own && hooks.length === 0) {
    runKernel(own, { ...inputs, ...outputs } as never, attrs, cache);
    return;
  }
  const ranOn = own ? backend : fallbackFor(backend, name, known);
  const run = own
    ? () => runKernel(own, { ...inputs, ...outputs } as never, attrs, cache)
    : () => runOnFallback(backend, ranOn, name, inputs, outputs, attrs, composite);
  if (hooks.length === 0) {
    run();
    return;
  }
  const event: DispatchEvent = {
    kernel: name,
    backend,
    ranOn,
    inputs: inputs as never,
    outputs: outputs as never,
    attrs,
    cache,
    composite,
  };
  hooks.reduce<() => void>((inner, hook) => () => hook(event, inner), run)();
}

/** The first profile that has the kernel. */
function profileOf(kernel: KernelName): Profile | undefined {
  return (Object.keys(profiles) as Profile[]).find((p) =>
    [...profiles[p], ...composable[p]].includes(kernel),
  );
}

function fallbackFor(backend: Backend, kernel: KernelName, { composite, profileOf }: KnownOfKernel): Backend {
  let candidate = backend.fallback;
  while (candidate && !ownKernel(candidate, kernel, composite)) candidate = candidate.fallback;
  if (candidate && backend.readSync && candidate.readSync) return candidate;
  const profile = profileOf?.(kernel);
  const why = !candidate
    ? backend.fallback
      ? 'nor has its fallback'
      : 'and it has no fallback'
    : `and '${candidate.name}' can't stand in, because '${backend.name}' can't be read synchronously`;
  throw new MissingKernelError({
    op: kernel,
    expected: `a kernel '${kernel}' in backend '${backend.name}'`,
    found: `none, ${why}`,
    fix:
      backend.missingFix ??
      `Add it to the backend's kernels${profile ? ` (it belongs to the profile '${profile}')` : ''}, ` +
        'or move the tensors to a backend that has it: tensor.to(backend).',
  });
}

function reportFallback(backend: Backend, fallback: Backend, kernel: KernelName): void {
  if (backend.onFallback) {
    backend.onFallback({ kernel, backend, fallback });
    return;
  }
  warnOnce(
    `fallback ${backend.name} ${kernel}`,
    `backend '${backend.name}' has no kernel '${kernel}': it runs on '${fallback.name}', on copies. ` +
      'Set onFallback to handle this yourself.',
  );
}

function runOnFallback<N extends KernelName>(
  backend: Backend,
  fallback: Backend,
  name: N,
  inputs: KernelInputs<KernelTable[N]>,
  outputs: KernelOutputs<KernelTable[N]>,
  attrs: KernelTable[N]['attrs'],
  composite: Composite | undefined,
): void {
  reportFallback(backend, fallback, name);
  const length = (t: KernelTensor) => numel(t.shape);
  const read = (from: Backend, t: KernelTensor) =>
    readSyncOrThrow(name, from, t.buffer, length(t), 'Use await tensor.data().');
  const copies: Record<string, KernelTensor> = {};
  const given = { ...inputs, ...outputs } as Record<string, KernelTensor | undefined>;
  try {
    for (const [key, t] of Object.entries(given)) {
      if (!t) continue;
      const buffer = fallback.allocate(t.dtype, length(t));
      copies[key] = { ...t, buffer };
      // Outputs too: some are in-out.
      fallback.write(buffer, read(backend, t));
    }
    runKernel(
      ownKernel(fallback, name, composite) as Kernel<KernelTable[N], unknown>,
      copies as never,
      attrs,
    );
    for (const [key, t] of Object.entries(outputs as Record<string, KernelTensor | undefined>)) {
      if (t) backend.write(t.buffer, read(fallback, copies[key]));
    }
  } finally {
    for (const copy of Object.values(copies)) fallback.free(copy.buffer);
  }
}
