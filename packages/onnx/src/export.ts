import { ArgumentError, checkOptions, requireList } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { formatShape, kernel, type Tensor } from '@octet/tensor';
import { cannotExport } from './errors';
import type { OfAnySize } from './graph/any-size';
import { withoutRepeats } from './graph/compact';
import type { Graph } from './graph/graph';
import type { PortNames } from './graph/names';
import type { GraphModule } from './graph-module';
import { defaultOpset, irVersionOf } from './opsets';
import { namedDims, onlyNamed, traceAsOpenAsCanBe, traceOpen } from './sizes';
import { trace } from './trace/trace';

export interface ExportOnnxOptions {
  /** The version of the operators, 13 (the default) to 22. */
  opset?: number;
  /** What the file says that it was made by. */
  producer?: string;
  /** Whether dim 0 of the inputs may have any size, and no other dim; else it is that of the example. */
  dynamicBatch?: boolean;
  /**
   * Of a `GraphModule`: which sizes, as its inputs name them, may be any. Unless given, all that can: one that went into a constant or an
   * attribute is that of the example.
   */
  dynamicDims?: readonly string[];
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
 * alike, those of a `GraphModule` by their own names, and they are of the dtypes of the file that it came from, int64 and float64, too;
 * weights as in the state dict.
 *
 * @throws OnnxExportError for what ONNX can't say, naming the kernel and the module; ArgumentError for a bad option
 */
export async function exportOnnx(
  model: AnyModule,
  exampleInput: Tensor | readonly Tensor[],
  options?: ExportOnnxOptions,
): Promise<Uint8Array> {
  // A GraphModule's own names: by its fields, so that a bundle that only exports carries no graphs.
  const named = model as Partial<Pick<GraphModule, 'inputNames' | 'outputNames' | 'graph'>>;
  const {
    opset = defaultOpset,
    producer = 'octet',
    dynamicBatch,
    dynamicDims,
    inputNames = named.inputNames,
    outputNames = named.outputNames,
  } = checkOptions('exportOnnx', options, 'opset producer dynamicBatch dynamicDims inputNames outputNames');
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
  const traced = async (examples: readonly Tensor[]) => {
    const graph = trace(model, examples.map(own), opset, named.graph);
    await withoutRepeats(graph);
    return graph;
  };
  // Protobuf's descriptors are loaded with it.
  const { encodeModel } = await import('./graph/model-proto');
  const encoded = ({ graph, dims }: OfAnySize) =>
    encodeModel(graph, { producer, dims, ports: portsOf(graph, inputNames, outputNames) });
  if (dynamicBatch) {
    if (dynamicDims) throw bothDynamic();
    return encoded(await traceOpen(traced, inputs, inputs.map(batchDims)));
  }
  const dims = namedDims(named.graph?.inputs ?? [], inputs);
  if (dynamicDims && dynamicDims.length > 0) {
    requireList('exportOnnx', 'dynamicDims', dynamicDims);
    return encoded(await traceOpen(traced, inputs, onlyNamed(dims, dynamicDims)));
  }
  const open =
    dynamicBatch === false || dynamicDims ? undefined : await traceAsOpenAsCanBe(traced, inputs, dims);
  return encoded(open ?? { graph: await traced(inputs), dims: new Map() });
}

function bothDynamic(): ArgumentError {
  return new ArgumentError({
    op: 'exportOnnx',
    expected: 'dynamicBatch or dynamicDims',
    found: 'both',
    fix: 'Name the size of the batch in dynamicDims.',
  });
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

function batchDims({ dim }: Tensor): (string | undefined)[] {
  if (dim > 0) return ['batch', ...new Array<undefined>(dim - 1).fill(undefined)];
  throw new ArgumentError({
    op: 'exportOnnx',
    expected: 'inputs with a batch dimension, for dynamicBatch',
    found: 'a single number',
    fix: 'Leave dynamicBatch out.',
  });
}
