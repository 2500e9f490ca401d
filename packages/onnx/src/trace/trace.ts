import { addDispatchHook, type DispatchEvent, type KernelTensor } from '@octet/backend';
import { type AnyModule, type HookHandle, stateKey } from '@octet/nn';
import { noGrad, Tensor } from '@octet/tensor';
import { cannotExport } from '../errors';
import { Graph } from '../graph/graph';
import { builders, refusal } from '../kernels';
import type { AnyNodeBuilder } from '../kernels/builder';
import { Memory } from './memory';

/**
 * Runs the model once, in evaluation mode as it stands, and writes down every kernel call that depends on `inputs`. What
 * doesn't is a constant. Control flow is that of this run.
 */
export function trace(model: AnyModule, inputs: readonly Tensor[], opset: number): Graph {
  const graph = new Graph(opset);
  const memory = new Memory(graph, model.stateDict());
  for (const t of inputs) memory.define(t, graph.input(t));
  const removeHook = addDispatchHook((event, run) => record(graph, memory, event, run));
  const handles = followModules(graph, model);
  try {
    for (const t of tensorsOf(noGrad(() => model.call(...inputs)))) {
      const value = memory.read(t, 'constant');
      // An output has a name of its own.
      const own = value.node && !graph.outputs.includes(value);
      graph.outputs.push(own ? value : graph.node('Identity', [value], value));
    }
  } finally {
    removeHook();
    for (const handle of handles) handle.remove();
  }
  graph.prune();
  return graph;
}

type Tensors = Readonly<Record<string, Tensor>>;

function record(graph: Graph, memory: Memory, event: DispatchEvent, run: () => void): void {
  const { kernel } = event;
  const reason = refusal(kernel);
  if (reason) throw notExported(graph, kernel, reason);
  const inputs = sources(event, event.inputs);
  const outputs = sources(event, event.outputs);
  if (kernel === 'copyStrided') {
    memory.copy(inputs.x, outputs.y);
    run();
    return;
  }
  if (Object.values(inputs).every((t) => memory.isConstant(t))) {
    const fill = kernel === 'fill' ? (event.attrs as { value: number }).value : undefined;
    for (const t of Object.values(outputs)) memory.defineConstant(t, fill);
    run();
    return;
  }
  const build = builders()[kernel] as AnyNodeBuilder | undefined;
  if (!build) {
    throw notExported(
      graph,
      kernel,
      'Compute it with operations that ONNX has: docs/onnx.md lists the kernels.',
    );
  }
  const operands = Object.entries(inputs).map(([name, tensor]) => {
    const value = memory.read(tensor, graph.scope ? `${graph.scope}.${name}` : name);
    return [name, { value, tensor, physical: (event.inputs[name] as KernelTensor).shape }] as const;
  });
  const { y, ...others } = outputs;
  const { shape: physical, dtype } = event.outputs.y as KernelTensor;
  memory.define(
    y,
    build(graph, Object.fromEntries(operands), { tensor: y, shape: y.shape, dtype, physical }, event.attrs),
  );
  for (const t of Object.values(others)) memory.lose(t, kernel);
  run();
}

function sources(event: DispatchEvent, tensors: DispatchEvent['inputs']): Tensors {
  const found: Record<string, Tensor> = {};
  for (const [name, t] of Object.entries(tensors)) {
    if (!t) continue;
    if (!(t.source instanceof Tensor)) {
      throw cannotExport({
        expected: 'kernels called on tensors',
        found: `'${event.kernel}' dispatched on bare memory`,
        fix: "Call it by kernel.run of '@octet/tensor'.",
      });
    }
    found[name] = t.source;
  }
  return found;
}

function notExported(graph: Graph, kernel: string, fix: string) {
  return cannotExport({
    expected: 'operations that ONNX export knows',
    found: `the kernel '${kernel}'${graph.scope && ` in '${graph.scope}'`}`,
    fix,
  });
}

/** Keeps `graph.scope` at the module that is running. */
function followModules(graph: Graph, model: AnyModule): HookHandle[] {
  const outer: string[] = [];
  return model.namedModules().flatMap(([path, module]) => {
    const scope = path.split('.').map(stateKey).join('.');
    return [
      module.registerForwardPreHook(() => {
        outer.push(graph.scope);
        graph.scope = scope;
      }),
      module.registerForwardHook(() => {
        graph.scope = outer.pop() as string;
      }),
    ];
  });
}

/** The tensors that a model returned, also inside arrays, in order. */
function tensorsOf(result: unknown): Tensor[] {
  if (result instanceof Tensor) return [result];
  if (Array.isArray(result) && result.length > 0) return result.flatMap(tensorsOf);
  throw cannotExport({
    expected: 'a model that returns a tensor, or arrays of tensors',
    found: Array.isArray(result) ? 'an empty array' : typeof result,
    fix: 'Wrap it in a module whose forward returns tensors only.',
  });
}
