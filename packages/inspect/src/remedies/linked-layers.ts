import { addDispatchHook } from '@octet/backend';
import { type AnyModule, type HookHandle, ReLU6 } from '@octet/nn';
import type { ModuleRules } from '@octet/quantization';
import { noGrad, Tensor } from '@octet/tensor';
import { argumentsOf, isWhole, leavesOf, type ModelInput } from '../layers';

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
 * Runs a float model once and finds the layers that are linked. Modules see which tensor goes where, and every kernel
 * call who reads its memory: an output that is also added to something, sliced or returned is nobody's alone.
 */
export function linkedLayers(model: AnyModule, input: ModelInput, rules: ModuleRules): LinkedLayers[] {
  const flows = new Map<Tensor['storage'], Flow>();
  /** How often each weight is used. */
  const uses = new Map<Tensor, number>();
  /** Of the layers that run, what they may read. */
  const running: Set<Flow>[] = [];
  const hooks: HookHandle[] = [];

  for (const [path, layer] of leavesOf(model, (m) => isWhole(rules, m))) {
    const weight = rules.scaledBy(layer)?.weight;
    const passes = rules.isScalable(layer);
    const before = (_: AnyModule, args: readonly unknown[]) => {
      const reads = new Set<Flow>();
      for (const x of args) {
        const flow = x instanceof Tensor ? flows.get(x.storage) : undefined;
        if (!flow) continue;
        reads.add(flow);
        if (!flow.tensors.has(x)) flow.readers.add('');
        else if (!passes) flow.readers.add(weight && hasChannelsInDim1(x as Tensor, weight) ? path : '');
      }
      running.push(reads);
    };
    const after = (_: AnyModule, [x]: readonly unknown[], y: unknown) => {
      running.pop();
      if (!(x instanceof Tensor && y instanceof Tensor)) return;
      if (weight) {
        uses.set(weight, (uses.get(weight) ?? 0) + 1);
        if (hasChannelsInDim1(y, weight)) flows.set(y.storage, new Flow(path, y));
      }
      const flow = passes ? flows.get(x.storage) : undefined;
      if (!flow) return;
      flow.pass(x, y);
      if (layer instanceof ReLU6) flow.relu6 = path;
      flows.set(y.storage, flow);
    };
    hooks.push(layer.registerForwardPreHook(before), layer.registerForwardHook(after));
  }
  const removeHook = addDispatchHook(({ inputs, outputs }, run) => {
    for (const t of [...Object.values(inputs), ...Object.values(outputs)]) {
      const flow = t?.source instanceof Tensor ? flows.get(t.source.storage) : undefined;
      if (flow && !running.at(-1)?.has(flow)) flow.readers.add('');
    }
    run();
  });
  try {
    const output: unknown = noGrad(() => model.call(...argumentsOf(input)));
    for (const t of tensorsIn(output)) flows.get(t.storage)?.readers.add('');
  } finally {
    removeHook();
    for (const hook of hooks) hook.remove();
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

function hasChannelsInDim1({ dim }: Tensor, weight: Tensor): boolean {
  return dim === (weight.dim === 4 ? 4 : 2);
}

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}
