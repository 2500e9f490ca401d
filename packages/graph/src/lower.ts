import {
  type Backend,
  composedCalls,
  dispatchKernel,
  type Kernel,
  type KernelName,
  type KernelTensor,
  ModuleError,
  mixedBackends,
  numel,
  type PackedWeights,
  type Program,
  type ProgramMemory,
  type ProgramStep,
  type ProgramTensor,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { kernel, type Layout, Tensor } from '@octet/tensor/functional';
import { type HostEvent, type KernelCall, placed, type Recording, readOnHost, tensorsIn } from './capture';

type Storage = Tensor['storage'];
// biome-ignore lint/suspicious/noExplicitAny: buffers are the backend's business
type AnyBuffer = any;

/** A recording as a program, and what a plan must know beside it. */
export interface Lowered {
  readonly backend: Backend;
  readonly program: Program<AnyBuffer>;
  /** What each step is, for people. */
  readonly labels: readonly StepLabel[];
  /** The memory that outputs are written to, in the order of their `index`. */
  readonly outputs: readonly Storage[];
  /** What steps change in place, beside the inputs. */
  readonly state: readonly Storage[];
  /** What was read and didn't come of the inputs: the plan holds for these contents. */
  readonly constants: readonly Storage[];
  /** Packed weights, which the plan holds. */
  readonly packed: readonly PackedWeights[];
}

/** What a step is: it holds no tensor of the recording. */
export interface StepLabel {
  readonly name: string;
  /** Of the module that it came from. */
  readonly path: string;
  /** As the tensor that it makes had them. */
  readonly shape?: readonly number[] | undefined;
  readonly dtype?: Tensor['dtype'] | undefined;
}

/**
 * The part of a recording that depends on `inputs`, as a program. What doesn't was computed by the recorded run. `since`: the
 * serial number of the first memory that the run allocated.
 *
 * @throws ModuleError where the host read what depends on the inputs, or made random numbers; BackendError for several backends
 */
export function lower(
  recording: Recording,
  inputs: readonly Storage[],
  home: Backend | undefined,
  since: number,
): Lowered {
  const { kernels, events } = recording;
  const backend = home ?? kernels[0]?.backend ?? inputs[0]?.backend;
  for (const call of kernels)
    if (call.backend !== backend) throw mixedBackends('planOf', backend, call.backend);
  const outputs = [...new Set(tensorsIn(recording.output).map((t) => t.storage))];

  const written = new Set<Storage>();
  for (const call of kernels) for (const s of storagesOf(call.outputs)) written.add(s);
  const state = new Set([...written].filter((s) => s.serial < since && !inputs.includes(s)));
  const varying = varyingStorages(kernels, new Set([...inputs, ...state]));
  refuseHostWork(events, varying);

  // What nobody reads goes.
  const needed = new Set<Storage>([...outputs, ...state, ...inputs.filter((s) => written.has(s))]);
  const kept: (KernelCall | HostEvent)[] = [];
  const origins = [...kernels.keys(), kernels.length].flatMap((at) => [
    ...events.filter((e) => e.at === at && e.kind === 'check' && varying.has(e.tensor.storage)),
    ...(at < kernels.length ? [kernels[at]] : []),
  ]);
  for (const origin of origins.reverse()) {
    if (isEvent(origin)) {
      if (origin.kind === 'check') needed.add(origin.tensor.storage);
      kept.push(origin);
      continue;
    }
    const to = storagesOf(origin.outputs);
    if (!to.some((s) => varying.has(s) && needed.has(s))) continue;
    for (const s of [...storagesOf(origin.inputs), ...to]) needed.add(s);
    kept.push(origin);
  }
  kept.reverse();

  const items = kept.flatMap(itemsOf);
  const memory = new MemoryTable(items, {
    inputs,
    outputs: outputs.filter((s) => varying.has(s)),
    varying,
    state,
  });
  const packed: PackedWeights[] = [];
  const steps = items.map((item): ProgramStep<AnyBuffer> => {
    if (item.kind === 'check') return checkStep(item.origin, backend, memory);
    const { kernel: name, attrs, origin } = item;
    // biome-ignore lint/suspicious/noExplicitAny: the kernels of a table differ in their operands
    const own = backend.kernels[name] as Kernel<any, AnyBuffer> | undefined;
    const ins = memory.tensors(item.inputs);
    const outs = memory.tensors(item.outputs);
    if (!own || (typeof own !== 'function' && !origin.packed)) return dispatchStep(origin, ins, outs);
    if (origin.packed) packed.push(origin.packed.retain());
    return {
      kind: 'kernel',
      name,
      kernel: own,
      packed: origin.packed?.value,
      inputs: ins,
      outputs: outs,
      attrs,
    };
  });

  // Also what only went into constants: they are computed already.
  const read = new Set<Storage>();
  for (const call of kernels) for (const s of storagesOf(call.inputs)) read.add(s);
  for (const e of events) if (e.kind === 'read') read.add(e.storage);
  const constants = [...read, ...outputs].filter((s) => !varying.has(s));
  return {
    backend,
    program: { steps, memory: memory.entries },
    labels: items.map(labelOf),
    outputs: memory.outputs,
    state: [...state],
    constants: [...new Set(constants)],
    packed,
  };
}

type CheckEvent = HostEvent & { kind: 'check' };

function isEvent(origin: KernelCall | HostEvent): origin is HostEvent {
  return 'kind' in origin;
}

function storagesOf(tensors: KernelCall['inputs']): Storage[] {
  return Object.values(tensors).flatMap((t) => (t ? [storageOf(t)] : []));
}

/** @throws ModuleError for a kernel that was called on bare memory */
function storageOf({ source }: KernelTensor): Storage {
  if (source instanceof Tensor) return source.storage;
  throw new ModuleError({
    op: 'planOf',
    expected: 'kernels called on tensors',
    found: 'one dispatched on bare memory',
    fix: "Call it by kernel.run of '@octet/tensor'.",
  });
}

/** What differs from run to run: `from`, what is computed from such, and all of what such is written into. */
function varyingStorages(kernels: readonly KernelCall[], from: ReadonlySet<Storage>): Set<Storage> {
  const varying = new Set(from);
  // A piece of memory may become so by a later step than one that reads it.
  for (let before = -1; before !== varying.size; ) {
    before = varying.size;
    for (const { inputs, outputs } of kernels) {
      const to = storagesOf(outputs);
      if ([...storagesOf(inputs), ...to].some((s) => varying.has(s))) for (const s of to) varying.add(s);
    }
  }
  return varying;
}

function refuseHostWork(events: readonly HostEvent[], varying: ReadonlySet<Storage>): void {
  for (const event of events) {
    if (event.kind === 'random') {
      throw placed(event.call, {
        op: 'planOf',
        expected: 'a model that gives the same for the same inputs',
        found: `${event.op}, which makes random numbers`,
        fix: 'Call model.eval(); draw the numbers outside of the model and pass them as an input.',
      });
    }
    if (event.kind === 'read' && varying.has(event.storage)) {
      throw readOnHost(event.op, event.call);
    }
  }
}

interface Roles {
  readonly inputs: readonly Storage[];
  readonly outputs: readonly Storage[];
  readonly varying: ReadonlySet<Storage>;
  readonly state: ReadonlySet<Storage>;
}

/** What lies between the kernels that a composite is made of: memory of no tensor. */
interface Between {
  readonly dtype: StorageDType;
  readonly length: number;
}

interface Operand {
  readonly memory: Storage | Between;
  readonly dtype: StorageDType;
  readonly shape: readonly number[];
}

type Operands = Readonly<Record<string, Operand>>;

/** What becomes one step: a kernel on memory, or a check of elements. */
type Item =
  | {
      readonly kind: 'kernel';
      readonly kernel: KernelName;
      readonly attrs: object;
      readonly inputs: Operands;
      readonly outputs: Operands;
      readonly origin: KernelCall;
    }
  | { readonly kind: 'check'; readonly origin: CheckEvent };

/** One step, or those that a composite consists of, where the backend has no kernel of its own. */
function itemsOf(origin: KernelCall | HostEvent): Item[] {
  if (isEvent(origin)) return [{ kind: 'check', origin: origin as CheckEvent }];
  const { backend, kernel: name, attrs, composite } = origin;
  const [inputs, outputs] = [operandsOf(origin.inputs), operandsOf(origin.outputs)];
  const calls = composite && !backend.kernels[name] ? composedCalls(backend, composite, attrs) : undefined;
  if (!calls) return [{ kind: 'kernel', kernel: name, attrs, inputs, outputs, origin }];
  const [whole] = Object.values(outputs);
  const { dtype, shape } = whole;
  const length = numel(shape);
  const made: Operand[] = [];
  return calls.map((call, i) => {
    made.push(i === calls.length - 1 ? whole : { memory: { dtype, length }, dtype, shape });
    const operands = Object.entries(call.inputs).map(([label, from]): [string, Operand] => [
      label,
      typeof from === 'number' ? made[from] : inputs[from],
    ]);
    return {
      kind: 'kernel',
      kernel: call.kernel,
      attrs: call.attrs,
      inputs: Object.fromEntries(operands),
      outputs: { [call.output]: made[i] },
      origin,
    };
  });
}

function operandsOf(tensors: KernelCall['inputs']): Operands {
  const found: Record<string, Operand> = {};
  for (const [name, t] of Object.entries(tensors)) {
    if (t) found[name] = { memory: storageOf(t), dtype: t.dtype, shape: t.shape };
  }
  return found;
}

function labelOf(item: Item): StepLabel {
  const { origin } = item;
  const path = origin.call?.path ?? '';
  if (item.kind === 'check') return { name: `check (${item.origin.op})`, path };
  const [first] = Object.values(item.origin.outputs).flatMap((t) => (t ? [t.source as Tensor] : []));
  const part = item.kernel !== item.origin.kernel;
  return {
    name: part ? `${item.kernel} (${item.origin.kernel})` : item.kernel,
    path,
    shape: first?.shape,
    dtype: first?.dtype,
  };
}

/** The memory of a program: an entry for each piece that its steps use. */
class MemoryTable {
  readonly entries: ProgramMemory<AnyBuffer>[] = [];
  /** The storages of the outputs, in order. */
  readonly outputs: Storage[] = [];
  private readonly places = new Map<Storage | Between, number>();

  constructor(items: readonly Item[], roles: Roles) {
    const { inputs, varying, state } = roles;
    const uses = new Map<Storage | Between, { first: number; last: number; written: boolean }>();
    items.forEach((item, step) => {
      const use = (memory: Storage | Between, written: boolean) => {
        const known = uses.get(memory);
        if (!known) uses.set(memory, { first: step, last: step, written });
        else Object.assign(known, { last: step, written: known.written || written });
      };
      if (item.kind === 'check') {
        use(item.origin.tensor.storage, false);
        return;
      }
      for (const { memory } of Object.values(item.inputs)) use(memory, false);
      for (const { memory } of Object.values(item.outputs)) use(memory, true);
    });
    for (const s of inputs) if (!uses.has(s)) uses.set(s, { first: 0, last: 0, written: false });
    for (const [storage, use] of uses) {
      const { dtype, length } = storage;
      this.places.set(storage, this.entries.length);
      if (!(storage instanceof kernel.Storage)) {
        this.entries.push({ kind: 'planned', dtype, length, first: use.first, last: use.last });
        continue;
      }
      const input = inputs.indexOf(storage);
      if (input >= 0) this.entries.push({ kind: 'input', dtype, length, index: input, ...use });
      else if (state.has(storage) || !varying.has(storage))
        this.entries.push({ kind: 'fixed', dtype, length, buffer: storage.buffer, written: use.written });
      else if (roles.outputs.includes(storage)) {
        this.entries.push({ kind: 'output', dtype, length, index: this.outputs.length, ...use });
        this.outputs.push(storage);
      } else this.entries.push({ kind: 'planned', dtype, length, first: use.first, last: use.last });
    }
  }

  place(memory: Storage | Between): number {
    return this.places.get(memory) as number;
  }

  tensors(given: Operands): Record<string, ProgramTensor> {
    return Object.fromEntries(
      Object.entries(given).map(([name, { memory, dtype, shape }]) => [
        name,
        { memory: this.place(memory), dtype, shape },
      ]),
    );
  }
}

/** A kernel that the backend has neither itself nor by a composite, or that packs its weights at every call: as an ordinary call does it. */
function dispatchStep(
  { backend, kernel: name, attrs, cache, composite }: KernelCall,
  inputs: Readonly<Record<string, ProgramTensor>>,
  outputs: Readonly<Record<string, ProgramTensor>>,
): ProgramStep<AnyBuffer> {
  return {
    kind: 'host',
    run(bufferOf) {
      const tensors = (given: Readonly<Record<string, ProgramTensor>>) =>
        Object.fromEntries(
          Object.entries(given).map(([key, { memory, dtype, shape }]) => [
            key,
            { buffer: bufferOf(memory), dtype, shape },
          ]),
        );
      dispatchKernel(backend, name, tensors(inputs) as never, tensors(outputs) as never, attrs as never, {
        cache,
        composite,
      });
    },
  };
}

/** A check of elements, once more. */
function checkStep(
  { tensor, check }: CheckEvent,
  backend: Backend,
  memory: MemoryTable,
): ProgramStep<AnyBuffer> {
  const at = memory.place(tensor.storage);
  const { length } = tensor.storage;
  const layout: Layout = { shape: tensor.shape, strides: tensor.strides, offset: tensor.offset };
  return {
    kind: 'host',
    run: (bufferOf) => check(elementsOf(backend.readSync?.(bufferOf(at), length) as TypedArray, layout)),
  };
}

/** The elements of a view in row-major order, of all of its memory. */
function elementsOf(memory: TypedArray, { shape, strides, offset }: Layout): Parameters<kernel.DataCheck>[0] {
  const count = numel(shape);
  const elements = memory.slice(0, count);
  const index = shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    elements[i] = memory[index.reduce((sum, at, dim) => sum + at * strides[dim], offset)];
    for (let dim = index.length - 1; dim >= 0; dim--) {
      index[dim]++;
      if (index[dim] < shape[dim]) break;
      index[dim] = 0;
    }
  }
  return elements;
}
