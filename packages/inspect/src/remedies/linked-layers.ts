import { capture, type KernelCall, type ModuleCall, type Recording } from '@octet/graph';
import { type AnyModule, ReLU6 } from '@octet/nn';
import type { ModuleRules } from '@octet/quantization';
import { Tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput } from '../inputs';
import { isWhole, leavesOf } from '../layers';

/**
 * Layers that have channels in common: what some give goes, by way of layers that don't mind its scale and of sums, to others, and to nothing
 * else. Channels of all can be scaled together.
 */
export interface LinkedLayers {
  readonly from: readonly string[];
  readonly to: readonly LinkedReader[];
  /** A ReLU6 on the way, which does mind. */
  readonly relu6: string | undefined;
}

export interface LinkedReader {
  readonly path: string;
  /** How many of its inputs belong to one channel: more than one after a Flatten. */
  readonly repeat: number;
}

/** Layers that are linked, as far as is known. */
class Group {
  readonly from = new Set<string>();
  /** By path; '' is anything else. */
  readonly to = new Map<string, number>();
  relu6: string | undefined = undefined;
  private joined: Group | undefined = undefined;

  /** The group that this one has become a part of. */
  get whole(): Group {
    return this.joined?.whole ?? this;
  }

  join(other: Group): void {
    if (other === this) return;
    other.joined = this;
    for (const path of other.from) this.from.add(path);
    for (const [path, repeat] of other.to) this.read(path, repeat);
    this.relu6 ??= other.relu6;
  }

  read(path: string, repeat: number): void {
    const before = this.to.get(path);
    this.to.set(path, repeat);
    if (before !== undefined && before !== repeat) this.to.set('', 1);
  }
}

/** What became of a layer's output, or of a sum. */
class Flow {
  /** The output, and what scalable layers made of it. */
  readonly tensors = new Set<unknown>();

  constructor(
    private readonly known: Group,
    output: Tensor,
    private readonly channels = output.shape[1],
  ) {
    this.tensors.add(output);
  }

  get group(): Group {
    return this.known.whole;
  }

  /** Of a tensor of this flow. */
  repeatOf({ shape }: Tensor): number {
    return shape[1] / this.channels;
  }

  /** Goes on from x to y. Channels stay in dim 1, or are flattened in it. */
  pass(x: Tensor, y: Tensor): void {
    if (y.dim !== x.dim && !(y.dim === 2 && y.shape[0] === x.shape[0])) this.group.read('', 1);
    this.tensors.add(y);
  }

  /** The sum with another tensor of the same shape. */
  plus(x: Tensor, other: Flow, y: Tensor): Flow {
    this.group.join(other.group);
    if (other.channels !== this.channels) this.group.read('', 1);
    return new Flow(this.group, y, this.channels * (y.shape[1] / x.shape[1]));
  }
}

/**
 * Runs a float model once and finds the layers that are linked. Calls of modules tell which tensor goes where, and every
 * kernel call who reads its memory: an output that is also multiplied by something, sliced or returned has no other scale.
 */
export function linkedLayers(model: AnyModule, input: ModelInput, rules: ModuleRules): LinkedLayers[] {
  const paths = new Map<object, string>();
  for (const [path, layer] of leavesOf(model, (m) => isWhole(rules, m))) paths.set(layer, path);
  const flows = new Map<Tensor['storage'], Flow>();
  /** How often each weight is used. */
  const uses = new Map<Tensor, number>();

  /** The flows that a layer may read. */
  const readsOf = (layer: AnyModule, path: string, args: readonly unknown[]) => {
    const weight = rules.scaledBy(layer)?.weight;
    const reads = new Set<Flow>();
    for (const x of args) {
      const flow = x instanceof Tensor ? flows.get(x.storage) : undefined;
      if (!flow) continue;
      reads.add(flow);
      const { group } = flow;
      if (!flow.tensors.has(x)) group.read('', 1);
      else if (!rules.isScalable(layer)) {
        const isReader = weight && hasChannelsInDim1(x as Tensor, weight);
        group.read(isReader ? path : '', isReader ? flow.repeatOf(x as Tensor) : 1);
      }
    }
    return reads;
  };
  const noteOutput = (layer: AnyModule, path: string, x: unknown, y: unknown) => {
    if (!(x instanceof Tensor && y instanceof Tensor)) return;
    const weight = rules.scaledBy(layer)?.weight;
    if (weight) {
      uses.set(weight, (uses.get(weight) ?? 0) + 1);
      if (hasChannelsInDim1(y, weight)) {
        const group = new Group();
        group.from.add(path);
        group.relu6 = relu6In(layer, path);
        flows.set(y.storage, new Flow(group, y));
      }
    }
    const flow = rules.isScalable(layer) ? flows.get(x.storage) : undefined;
    if (!flow) return;
    flow.pass(x, y);
    if (layer instanceof ReLU6) flow.group.relu6 = path;
    flows.set(y.storage, flow);
  };
  const noteKernel = (call: KernelCall, mayRead: ReadonlySet<Flow> | undefined) => {
    const sum = sumOf(call);
    const [a, b] = sum ? [flows.get(sum.a.storage), flows.get(sum.b.storage)] : [];
    if (sum && a?.tensors.has(sum.a) && b?.tensors.has(sum.b)) {
      flows.set(sum.y.storage, a.plus(sum.a, b, sum.y));
      return;
    }
    for (const t of [...Object.values(call.inputs), ...Object.values(call.outputs)]) {
      const flow = t?.source instanceof Tensor ? flows.get(t.source.storage) : undefined;
      if (flow && !mayRead?.has(flow)) flow.group.read('', 1);
    }
  };

  const recording = capture(model, ...argumentsOf(input));
  try {
    follow<ReadonlySet<Flow> | undefined>(recording, undefined, (call, mayRead, inside) => {
      if (!('module' in call)) return noteKernel(call, mayRead);
      const path = call.method === 'forward' ? paths.get(call.module) : undefined;
      if (path === undefined) return inside(mayRead);
      const layer = call.module as AnyModule;
      inside(readsOf(layer, path, call.args));
      noteOutput(layer, path, call.args[0], call.output);
    });
    for (const t of tensorsOf(recording.output)) flows.get(t.storage)?.group.read('', 1);
  } finally {
    recording.release();
  }

  const usedOnce = (path: string) =>
    uses.get(rules.scaledBy(model.getSubmodule(path))?.weight as Tensor) === 1;
  return [...new Set([...flows.values()].map(({ group }) => group))].flatMap(({ from, to, relu6 }) => {
    const isWhole = to.size > 0 && !to.has('') && [...from, ...to.keys()].every(usedOnce);
    const readers = [...to].map(([path, repeat]) => ({ path, repeat }));
    return isWhole ? [{ from: [...from], to: readers, relu6 }] : [];
  });
}

/** The tensors of a sum of two of the same shape. */
function sumOf({ kernel, inputs, outputs }: KernelCall): Record<'a' | 'b' | 'y', Tensor> | undefined {
  if (kernel !== 'add') return undefined;
  const [a, b, y] = [inputs.a?.source, inputs.b?.source, outputs.y?.source];
  if (!(a instanceof Tensor && b instanceof Tensor && y instanceof Tensor)) return undefined;
  const isSame = [a, b].every(({ shape }) => shape.join() === y.shape.join());
  return isSame ? { a, b, y } : undefined;
}

/** The path of a ReLU6 that a fused layer ends with. */
function relu6In(layer: AnyModule, path: string): string | undefined {
  const found = layer.namedChildren().find(([, child]) => child instanceof ReLU6);
  return found && `${path}.${found[0]}`;
}

/**
 * Visits calls of modules and kernels in the order in which they ran. The visitor of a module's call visits what ran in it by
 * `inside`, with a state of its choice.
 */
function follow<S>(
  { calls, kernels }: Recording,
  state: S,
  visit: (call: ModuleCall | KernelCall, state: S, inside: (state: S) => void) => void,
): void {
  const childrenOf = new Map<ModuleCall | undefined, ModuleCall[]>();
  for (const call of calls) childrenOf.set(call.parent, [...(childrenOf.get(call.parent) ?? []), call]);
  const walk = (parent: ModuleCall | undefined, from: number, to: number, state: S) => {
    let at = from;
    const visitKernels = (end: number) => {
      for (; at < end; at++) visit(kernels[at], state, () => {});
    };
    for (const call of childrenOf.get(parent) ?? []) {
      visitKernels(call.begin);
      visit(call, state, (inner) => walk(call, call.begin, call.end, inner));
      at = call.end;
    }
    visitKernels(to);
  };
  walk(undefined, 0, kernels.length, state);
}

function hasChannelsInDim1({ dim }: Tensor, weight: Tensor): boolean {
  return dim === (weight.dim === 4 ? 4 : 2);
}

/** As `tensorsIn`, and in objects of any class. */
function tensorsOf(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(tensorsOf) : [];
}
