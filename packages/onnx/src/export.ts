import { ArgumentError, checkOptions, requireList } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { cat, formatShape, kernel, type Tensor } from '@octet/tensor';
import { cannotExport } from './errors';
import { forAnyBatch } from './graph/batch';
import type { Graph } from './graph/graph';
import { encodeModel } from './graph/model-proto';
import type { PortNames } from './graph/names';
import type { GraphModule } from './graph-module';
import { defaultOpset, irVersionOf } from './opsets';
import { trace } from './trace/trace';

export interface ExportOnnxOptions {
  /** The version of the operators, 13 (the default) to 22. */
  opset?: number;
  /** What the file says that it was made by. */
  producer?: string;
  /** Whether dim 0 of the inputs may have any size; else it is that of the example. */
  dynamicBatch?: boolean;
  /** What the inputs are called, in their order; unless given, as a `GraphModule` calls them, or `input`, `input_0`, … */
  inputNames?: readonly string[];
  /** What the outputs are called, alike. */
  outputNames?: readonly string[];
}

/**
 * The bytes of an ONNX file that computes what `model` does, for inputs like `exampleInput`: a tensor, or one for each
 * argument of `forward`. Converted int8 models become QDQ graphs: uint8 activations and int8 weights between
 * QuantizeLinear and DequantizeLinear, which engines fuse into integer operations.
 *
 * The model runs on the example, and the kernels it calls are written down: control flow is that of this run, and what
 * doesn't depend on the inputs is a constant. Inputs are called `input` (`input_0`, … if there are several), outputs
 * alike, those of a `GraphModule` by their own names; weights as in the state dict.
 *
 * @throws OnnxExportError for what ONNX can't say, naming the kernel and the module; ArgumentError for a bad option
 */
export async function exportOnnx(
  model: AnyModule,
  exampleInput: Tensor | readonly Tensor[],
  options?: ExportOnnxOptions,
): Promise<Uint8Array> {
  // A GraphModule's own names: by its fields, so that a bundle that only exports carries no graphs.
  const named = model as Partial<Pick<GraphModule, 'inputNames' | 'outputNames'>>;
  const {
    opset = defaultOpset,
    producer = 'octet',
    dynamicBatch = false,
    inputNames = named.inputNames,
    outputNames = named.outputNames,
  } = checkOptions('exportOnnx', options, 'opset producer dynamicBatch inputNames outputNames');
  irVersionOf(opset);
  if (model.training) {
    throw cannotExport({
      expected: 'a model in evaluation mode',
      found: 'training mode',
      fix: 'Call model.eval() first.',
    });
  }
  const inputs = Array.isArray(exampleInput) ? (exampleInput as readonly Tensor[]) : [exampleInput as Tensor];
  kernel.requireTensor('exportOnnx', ...inputs);
  checkInputs(inputs);
  if (!dynamicBatch) {
    const graph = trace(model, inputs.map(own), opset);
    return encodeModel(graph, { producer, dims: new Map(), ports: portsOf(graph, inputNames, outputNames) });
  }
  // Two sizes, neither of them 1: a dim of one element looks like none.
  const [two, three] = [2, 3].map((size) => {
    const batches = inputs.map((t) => ofBatch(t, size));
    return trace(model, batches, opset);
  });
  const { graph, dims } = await forAnyBatch(two, three, 2);
  return encodeModel(graph, { producer, dims, ports: portsOf(graph, inputNames, outputNames) });
}

/** @throws ArgumentError unless there is a name, and one alone, for each input and output */
function portsOf(
  graph: Graph,
  inputs: readonly string[] | undefined,
  outputs: readonly string[] | undefined,
): PortNames {
  const check = (option: string, names: readonly string[] | undefined, count: number) => {
    if (!names) return;
    requireList('exportOnnx', option, names);
    if (names.length === count && names.every((name) => typeof name === 'string' && name !== '')) return;
    throw new ArgumentError({
      op: 'exportOnnx',
      expected: `${option} to be ${count} names`,
      found: `[${names}]`,
      fix: 'Name each of them, in order.',
    });
  };
  check('inputNames', inputs, graph.inputs.length);
  check('outputNames', outputs, graph.outputs.length);
  const all = [...(inputs ?? []), ...(outputs ?? [])];
  const twice = all.find((name, i) => all.indexOf(name) !== i);
  if (twice === undefined) return { inputs, outputs };
  throw new ArgumentError({
    op: 'exportOnnx',
    expected: 'names of inputs and outputs that differ',
    found: `two '${twice}'`,
    fix: 'Pass inputNames and outputNames that differ.',
  });
}

function checkInputs(inputs: readonly Tensor[]): void {
  if (inputs.length === 0 || inputs.some((t) => t.numel === 0)) {
    throw new ArgumentError({
      op: 'exportOnnx',
      expected: 'example inputs with elements',
      found: inputs.length === 0 ? 'none' : inputs.map((t) => formatShape(t.shape)).join(', '),
      fix: 'Pass a tensor of the shape that the model will be run on.',
    });
  }
  const quantized = inputs.find((t) => t.isQuantized);
  if (!quantized) return;
  throw new ArgumentError({
    op: 'exportOnnx',
    expected: 'inputs as users have them, floats or whole numbers',
    found: quantized.dtype,
    fix: 'Give the model a QuantStub, so that it quantizes its input itself.',
  });
}

/** A copy in memory of its own, row-major. */
function own(t: Tensor): Tensor {
  return kernel.emptyOn(t, t.shape).copy_(t);
}

/** The rows of `t`, over and over, as a batch of `size`. */
function ofBatch(t: Tensor, size: number): Tensor {
  if (t.dim === 0) {
    throw new ArgumentError({
      op: 'exportOnnx',
      expected: 'inputs with a batch dimension, for dynamicBatch',
      found: 'a single number',
      fix: 'Leave dynamicBatch out.',
    });
  }
  const row = (i: number) => t.slice(0, i % t.shape[0], (i % t.shape[0]) + 1);
  return cat(
    Array.from({ length: size }, (_, i) => row(i)),
    0,
  );
}
