import {
  ArgumentError,
  addDispatchHook,
  type Backend,
  type Composite,
  type DispatchEvent,
  describe,
  dispatchKernel,
  type Kernel,
  type KernelName,
  type KernelSpec,
  type KernelTensor,
  ModuleError,
  type PackedWeights,
  type PrepackCache,
} from '@octet/backend';
import { kernel, noGrad, Tensor } from '@octet/tensor/functional';
import { addCallHook } from './calls';

type Storage = Tensor['storage'];

/** What can be captured: a `Module` of @octet/nn, or anything of its form. */
export interface Callable {
  // biome-ignore lint/suspicious/noExplicitAny: models have any signature
  call(...args: any[]): unknown;
  /** Itself under the path '' and the modules under it. */
  namedModules(): (readonly [path: string, module: object])[];
}

/** One call of a module. */
export interface ModuleCall {
  readonly module: object;
  /** From the model, which is ''; undefined for a module that is no part of it. */
  readonly path: string | undefined;
  /** `forward`, or the method of a FloatFunctional or QFunctional. */
  readonly method: string;
  /** As the caller gave them. */
  readonly args: readonly unknown[];
  readonly output: unknown;
  /** The call that it was made in. */
  readonly parent: ModuleCall | undefined;
  /** The kernels that ran meanwhile, those of modules inside included, are `kernels[begin]` to `kernels[end - 1]`. */
  readonly begin: number;
  readonly end: number;
}

/** One kernel call. */
export interface KernelCall {
  readonly kernel: KernelName;
  readonly attrs: object;
  /** Dense memory by operand name. The `source` of each is the `Tensor` that the op knew it as. */
  readonly inputs: Readonly<Record<string, KernelTensor | undefined>>;
  readonly outputs: Readonly<Record<string, KernelTensor | undefined>>;
  readonly cache: PrepackCache | undefined;
  /** What makes the kernel of others where the backend has none of its own. */
  readonly composite: Composite | undefined;
  /** What the kernel ran with, if it packs weights in a cache; held until the recording's `release`. */
  readonly packed: PackedWeights | undefined;
  readonly backend: Backend;
  /** The backend whose kernel ran: the fallback's where `backend` lacks it. */
  readonly ranOn: Backend;
  /** The innermost module call that it ran in. */
  readonly call: ModuleCall | undefined;
}

/** What else happened on the way, each before the kernel `at`. */
export type HostEvent = {
  readonly at: number;
  readonly op: string;
  readonly call: ModuleCall | undefined;
} & (
  | { readonly kind: 'read'; readonly storage: Storage }
  | { readonly kind: 'check'; readonly tensor: Tensor; readonly check: kernel.DataCheck }
  | { readonly kind: 'random' }
);

/** One run of a model, written down. */
export interface Recording {
  readonly inputs: readonly unknown[];
  /** What the model returned. */
  readonly output: unknown;
  /** In the order of running. */
  readonly kernels: readonly KernelCall[];
  /** In the order in which they began, the model's own first. */
  readonly calls: readonly ModuleCall[];
  /** Elements read by the host, checks of elements, random numbers. */
  readonly events: readonly HostEvent[];
  /** Memory that would have been freed meanwhile, by scopes, `dispose`, or the library. All of it is still there. */
  readonly held: ReadonlySet<Storage>;
  /** Leaves the memory of `storage` to the caller: `release` spares it. */
  take(storage: Storage): void;
  /** Frees what is held. Tensors in the recording may be gone then. A second call does nothing. */
  release(): void;
}

/**
 * Calls the model once with `inputs`, in noGrad, and writes down every kernel and every call of a module. Meanwhile nothing
 * is freed, so that all tensors in the recording can be read, until its `release`. The model is left as it was.
 *
 * @throws ArgumentError for what isn't a model, and what the call throws
 */
export function capture(model: Callable, ...inputs: readonly unknown[]): Recording {
  return record(model, inputs);
}

/**
 * `capture` of what is done, not of what comes out: kernels that read the memory `given` of the inputs, or what was made of it,
 * don't run, and what they write is never allocated. All others do. @throws ModuleError where the host reads such elements at once
 */
export function captureSteps(
  model: Callable,
  inputs: readonly unknown[],
  given: readonly Storage[],
): Recording {
  return record(model, inputs, new Skipping(given));
}

/** Tells which kernels of a run needn't run. */
class Skipping {
  private readonly since = kernel.Storage.now;
  /** What depends on the inputs. */
  private readonly varying: Set<Storage>;
  /** What of it has no elements, or not those of this run. */
  private readonly empty = new Set<Storage>();

  constructor(given: readonly Storage[]) {
    this.varying = new Set(given);
  }

  /** Whether the kernel is to be left out. */
  skips({ inputs, outputs }: DispatchEvent): boolean {
    const to = storagesIn(outputs);
    const all = [...storagesIn(inputs), ...to];
    const without = all.some((s) => this.empty.has(s));
    if (!without && !all.some((s) => this.varying.has(s))) return false;
    for (const s of to) this.varying.add(s);
    // Memory that is there already may have other elements, which a read at once would want.
    if (!without && to.some((s) => s.allocated)) return false;
    for (const s of to) this.empty.add(s);
    return true;
  }

  lacks(storage: Storage): boolean {
    return this.empty.has(storage);
  }

  /** Whether nobody will want the memory of `storage`, which is given back. */
  discards(storage: Storage): boolean {
    return this.empty.has(storage) && storage.serial >= this.since;
  }
}

function storagesIn(tensors: DispatchEvent['inputs']): Storage[] {
  return Object.values(tensors).flatMap((t) => (t?.source instanceof Tensor ? [t.source.storage] : []));
}

function record(model: Callable, inputs: readonly unknown[], skipping?: Skipping): Recording {
  requireCallable('capture', model);
  const paths = new Map<object, string>();
  for (const [path, module] of model.namedModules()) if (!paths.has(module)) paths.set(module, path);
  const kernels: Writable<KernelCall>[] = [];
  const calls: Writable<ModuleCall>[] = [];
  const events: HostEvent[] = [];
  const held = new Set<Storage>();
  let current: Writable<ModuleCall> | undefined;

  const removers = [
    kernel.addWatch({
      defers: skipping !== undefined,
      lacks: (storage) => skipping?.lacks(storage) === true,
      held: (storage) => {
        if (skipping?.discards(storage)) kernel.unwatched(() => storage.free());
        else held.add(storage);
      },
      read: (op, storage, now) => {
        if (now && skipping?.lacks(storage)) throw readOnHost(op, current);
        events.push({ kind: 'read', at: kernels.length, op, call: current, storage });
      },
      checked: (op, tensor, check) =>
        events.push({ kind: 'check', at: kernels.length, op, call: current, tensor, check }),
      random: (op) => events.push({ kind: 'random', at: kernels.length, op, call: current }),
    }),
    addDispatchHook((event, run) => {
      const call: Writable<KernelCall> = kernelCall(event, current);
      kernels.push(call);
      const { backend, inputs, outputs, attrs, cache } = event;
      const own = backend.kernels[event.kernel] as Kernel<KernelSpec, unknown> | undefined;
      if (!skipping?.skips(event)) run();
      else if (own && typeof own !== 'function') cache?.get(own, { ...inputs, ...outputs } as never, attrs);
      if (own) call.packed = cache?.hold(own);
    }),
    addCallHook(({ module, method, args }, run) => {
      const begin = kernels.length;
      const path = paths.get(module);
      const call = { module, path, method, args, output: undefined, parent: current, begin, end: begin };
      calls.push(call);
      current = call;
      try {
        (call as Writable<ModuleCall>).output = run();
      } finally {
        call.end = kernels.length;
        current = call.parent;
      }
    }),
  ];
  const release = () => {
    const storages = [...held];
    held.clear();
    for (const storage of storages) storage.free();
    for (const call of kernels) {
      call.packed?.release();
      call.packed = undefined;
    }
  };
  let output: unknown;
  let done = false;
  try {
    noGrad(() => {
      output = model.call(...inputs);
    });
    if (output instanceof Promise) {
      // What comes of it is nobody's: its errors too.
      output.catch(() => {});
      throw new ArgumentError({
        op: 'capture',
        expected: 'a model whose forward is synchronous',
        found: 'one that returns a promise',
        fix: 'Await outside of the model: what runs after an await is not part of the call.',
      });
    }
    done = true;
  } finally {
    for (const remove of removers) remove();
    if (!done) release();
  }
  const take = (storage: Storage) => held.delete(storage);
  return { inputs, output, kernels, calls, events, held, take, release };
}

/** Of a model that reads on the host what depends on its inputs. */
export function readOnHost(op: string, call: ModuleCall | undefined): ModuleError {
  return placed(call, {
    op: 'planOf',
    expected: 'a model that computes on the backend alone',
    found: `${op}, which reads what depends on the inputs`,
    fix: 'A plan would not read it again: compute it by tensor operations, or call the model without a plan.',
  });
}

/** An error that names the module of `call`. */
export function placed(
  call: ModuleCall | undefined,
  details: ConstructorParameters<typeof ModuleError>[0],
): ModuleError {
  const error = new ModuleError(details);
  let at = call;
  while (at && at.path === undefined) at = at.parent;
  if (at) error.placeIn(at.path as string, at.module.constructor.name);
  return error;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function kernelCall(event: DispatchEvent, call: ModuleCall | undefined): KernelCall {
  const { kernel: name, attrs, inputs, outputs, cache, composite, backend, ranOn } = event;
  return { kernel: name, attrs, inputs, outputs, cache, composite, packed: undefined, backend, ranOn, call };
}

/** Runs the kernel of a recorded call again, on the memory of then: before the recording's `release`. */
export function replay({
  backend,
  kernel: name,
  inputs,
  outputs,
  attrs,
  cache,
  composite,
}: KernelCall): void {
  dispatchKernel(backend, name, inputs as never, outputs as never, attrs as never, { cache, composite });
}

const movers: ReadonlySet<KernelName> = new Set<KernelName>(['copyStrided', 'fill', 'cast']);

/** Whether a kernel only moves data, and so says nothing about the layer that it ran in. */
export function onlyMovesData(name: KernelName): boolean {
  return movers.has(name);
}

/** The tensors in a value: itself, or those in arrays and plain objects, in order. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  const plain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return plain ? Object.values(value).flatMap(tensorsIn) : [];
}

/** @throws ArgumentError unless `model` is a module, or of its form */
export function requireCallable(op: string, model: unknown): void {
  const { call, namedModules } = Object(model) as Partial<Callable>;
  if (typeof call === 'function' && typeof namedModules === 'function') return;
  throw new ArgumentError({
    op,
    expected: 'a module',
    found: describe(model),
    fix: 'Wrap a function in a class that extends Module.',
  });
}
