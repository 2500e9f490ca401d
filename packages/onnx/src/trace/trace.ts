import { type KernelTensor, storageDType } from '@octet/backend';
import { capture, type HostEvent, type KernelCall } from '@octet/graph';
import { type AnyModule, stateKey } from '@octet/nn';
import { Tensor } from '@octet/tensor';
import { cannotExport } from '../errors';
import { Graph, type OnnxDType } from '../graph/graph';
import { builderOf, refusal } from '../kernels';
import { castTo } from '../kernels/masks';
import { Memory } from './memory';

type Port = { readonly fileDtype?: OnnxDType | undefined };

/** What inputs and outputs are in the file; those that say nothing as they are in the model. */
export interface PortDTypes {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/**
 * Runs the model once, in evaluation mode as it stands, and makes a graph of the kernel calls that depend on `inputs`. What
 * doesn't is a constant. Control flow is that of this run. `ports` says what inputs and outputs are in the file, where they are cast to what
 * the model takes and gives.
 */
export function trace(
  model: AnyModule,
  inputs: readonly Tensor[],
  opset: number,
  ports: PortDTypes = { inputs: [], outputs: [] },
): Graph {
  const graph = new Graph(opset);
  const memory = new Memory(graph, model.stateDict());
  for (const [i, t] of inputs.entries()) {
    const dtype = ports.inputs[i]?.fileDtype;
    const given = graph.input(dtype ? { shape: t.shape, dtype } : t);
    memory.define(t, castTo(graph, given, storageDType(t.dtype)));
  }
  const recording = capture(model, ...inputs);
  try {
    for (const call of recording.kernels) {
      graph.scope = scopeOf(call);
      add(graph, memory, call);
    }
    graph.scope = '';
    // A GraphModule: by its field, so that a bundle that only exports carries no graphs.
    if ('graph' in model) refuseReads(recording.events, memory);
    for (const [i, t] of tensorsOf(recording.output).entries()) {
      const made = memory.read(t, 'constant');
      const value = castTo(graph, made, ports.outputs[i]?.fileDtype ?? made.dtype);
      // An output has a name of its own.
      const own = value.node && !graph.outputs.includes(value);
      graph.outputs.push(own ? value : graph.node('Identity', [value], value));
    }
    // The file is written from these.
    for (const storage of memory.kept) recording.take(storage);
  } finally {
    recording.release();
  }
  graph.prune();
  return graph;
}

/**
 * What a function of a graph works out on the host can't be written: the file would have this run's numbers. A `forward` written by hand chooses
 * by what it reads.
 * @throws OnnxExportError
 */
function refuseReads(events: readonly HostEvent[], memory: Memory): void {
  for (const event of events) {
    if (event.kind !== 'read' || memory.holdsConstant(event.storage)) continue;
    throw cannotExport({
      expected: 'a graph that computes on its backend',
      found: 'a function on the host, which reads numbers that depend on the inputs',
      fix: 'String(model) shows the functions: comparisons, gathers and scatters by computed indices are such. Replace it by a module of your own, or leave that part out of the file.',
    });
  }
}

/** The module that a kernel ran in, as the state dict writes it. */
function scopeOf({ call }: KernelCall): string {
  for (let at = call; at; at = at.parent)
    if (at.path !== undefined) return at.path.split('.').map(stateKey).join('.');
  return '';
}

type Tensors = Readonly<Record<string, Tensor>>;

function add(graph: Graph, memory: Memory, event: KernelCall): void {
  const { kernel } = event;
  const reason = refusal(kernel);
  if (reason) throw notExported(graph, kernel, reason);
  const inputs = sources(event, event.inputs);
  const outputs = sources(event, event.outputs);
  if (kernel === 'copyStrided') {
    memory.copy(inputs.x, outputs.y);
    return;
  }
  // Weights that are stored as integers stay so in the file.
  if (kernel !== 'dequantize' && Object.values(inputs).every((t) => memory.isConstant(t))) {
    const fill = kernel === 'fill' ? (event.attrs as { value: number }).value : undefined;
    for (const t of Object.values(outputs)) memory.defineConstant(t, fill);
    return;
  }
  const build = builderOf(kernel);
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
}

function sources(event: KernelCall, tensors: KernelCall['inputs']): Tensors {
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
