import { capture, type KernelCall, type ModuleCall, type Recording } from '@octet/graph';
import { type AnyModule, ReLU6 } from '@octet/nn';
import type { ModuleRules } from '@octet/quantization';
import { Tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput } from '../inputs';
import { isWhole, leavesOf } from '../layers';

/** Two layers of which the second alone gets what the first gives, by way of layers that don't mind its scale. */
export interface LinkedLayers {
  readonly from: string;
  readonly to: string;
  /** How many inputs of the second belong to one output of the first: more than one after a Flatten. */
  readonly repeat: number;
  /** A ReLU6 on the way, which does mind. */
  readonly relu6: string | undefined;
}

/** What became of a layer's output. */
class Flow {
  /** The output, and what scalable layers made of it. */
  readonly tensors = new Set<unknown>();
  /** Paths of computing layers; '' is anything else. */
  readonly readers = new Set<string>();
  repeat = 1;
  relu6: string | undefined = undefined;
  private readonly channels: number;

  constructor(
    readonly from: string,
    output: Tensor,
  ) {
    this.tensors.add(output);
    this.channels = output.shape[1];
  }

  /** Goes on from x to y. Channels stay in dim 1, or are flattened in it. */
  pass(x: Tensor, y: Tensor): void {
    if (y.dim !== x.dim && !(y.dim === 2 && y.shape[0] === x.shape[0])) this.readers.add('');
    this.repeat = y.shape[1] / this.channels;
    this.tensors.add(y);
  }
}

/**
 * Runs a float model once and finds the layers that are linked. Calls of modules tell which tensor goes where, and every
 * kernel call who reads its memory: an output that is also added to something, sliced or returned is nobody's alone.
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
      if (!flow.tensors.has(x)) flow.readers.add('');
      else if (!rules.isScalable(layer))
        flow.readers.add(weight && hasChannelsInDim1(x as Tensor, weight) ? path : '');
    }
    return reads;
  };
  const noteOutput = (layer: AnyModule, path: string, x: unknown, y: unknown) => {
    if (!(x instanceof Tensor && y instanceof Tensor)) return;
    const weight = rules.scaledBy(layer)?.weight;
    if (weight) {
      uses.set(weight, (uses.get(weight) ?? 0) + 1);
      if (hasChannelsInDim1(y, weight)) {
        const made = new Flow(path, y);
        made.relu6 = relu6In(layer, path);
        flows.set(y.storage, made);
      }
    }
    const flow = rules.isScalable(layer) ? flows.get(x.storage) : undefined;
    if (!flow) return;
    flow.pass(x, y);
    if (layer instanceof ReLU6) flow.relu6 = path;
    flows.set(y.storage, flow);
  };
  const noteKernel = ({ inputs, outputs }: KernelCall, mayRead: ReadonlySet<Flow> | undefined) => {
    for (const t of [...Object.values(inputs), ...Object.values(outputs)]) {
      const flow = t?.source instanceof Tensor ? flows.get(t.source.storage) : undefined;
      if (flow && !mayRead?.has(flow)) flow.readers.add('');
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
    for (const t of tensorsOf(recording.output)) flows.get(t.storage)?.readers.add('');
  } finally {
    recording.release();
  }

  const usedOnce = (path: string) =>
    uses.get(rules.scaledBy(model.getSubmodule(path))?.weight as Tensor) === 1;
  return [...new Set(flows.values())].flatMap(({ from, readers, repeat, relu6 }) => {
    const [to] = readers;
    return readers.size === 1 && to !== '' && usedOnce(from) && usedOnce(to)
      ? [{ from, to, repeat, relu6 }]
      : [];
  });
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
