import { ArgumentError, breathe, checkOptions, describe } from '@octet/backend';
import { type NestedNumbers, Tensor, tensor } from '@octet/tensor';
import type { GraphModule } from '../graph-module';
import { type HostTensor, toHost } from '../host-tensor';
import { Builder } from './builder';
import type { DownloadOptions } from './download';
import { onnxOperators } from './operators';
import { type ExternalFiles, nodesIn, type OnnxFile, type OnnxSource, readOnnx } from './read';
import { type OnnxOperator, OperatorTable } from './table';

export interface ImportOnnxOptions extends DownloadOptions {
  /** Values of inputs that never change: they become constants, and branches that then can't be taken go. */
  inputs?: Readonly<Record<string, NestedNumbers | Tensor>>;
  /** Sizes of dims that the file names, such as `{ batch: 1 }`: other inputs are refused. */
  dims?: Readonly<Record<string, number>>;
  /** Operators of your own; they come before those that Octet has. */
  operators?: readonly OnnxOperator[];
  /** External data by the names that the file gives it, for a model that is passed as bytes. */
  files?: ExternalFiles;
}

/**
 * A model from an ONNX file: its bytes, a path (in Node) or an address. What layers of nn compute are such layers, under
 * names from the file; the rest are functions of tensors. The model is in evaluation mode, its weights on the current backend.
 *
 * float16, bfloat16 and float64 are read as float32, 64-bit integers as int32. What is known before the model runs is
 * worked out now, as long as it is small; sizes that the file declares are not relied on, so that dims stay as dynamic as
 * they are.
 *
 * @throws OnnxImportError for a file that is damaged, naming the node, and for operators that Octet hasn't, all of them at
 * once; ArgumentError for a source that can't be read, or a bad option; the signal's reason
 */
export async function importOnnx<Out extends Tensor | Tensor[] = Tensor>(
  source: OnnxSource,
  options?: ImportOnnxOptions,
): Promise<GraphModule<Out>> {
  const {
    inputs = {},
    dims = {},
    operators = [],
    files = {},
    ...download
  } = checkOptions('importOnnx', options, 'inputs dims operators files onProgress signal cache');
  for (const [name, size] of Object.entries(dims)) {
    if (Number.isInteger(size) && size >= 0) continue;
    throw new ArgumentError({
      op: 'importOnnx',
      expected: `dims.${name} to be a whole number >= 0`,
      found: describe(size),
      fix: 'Leave it out for a size that varies.',
    });
  }
  const bound = new Map(Object.entries(inputs).map(([name, value]) => [name, boundValue(value)]));
  const file = await readOnnx(source, files, download);
  let model: GraphModule<Out>;
  try {
    await breathe(download.signal);
    const table = await tableFor(file, operators);
    model = new Builder(file, { table, bound, dims }).build().eval() as unknown as GraphModule<Out>;
  } finally {
    file.close();
  }
  const hasIntegers = model.graph.nodes.some(
    (node) => node.op === 'QuantizeLinear' || node.attributes?.dynamic,
  );
  if (!hasIntegers) return model;
  // Loaded where a file needs it: most are of floats.
  const { fromQdq } = await import('@octet/quantization');
  return fromQdq(model as GraphModule<Tensor | Tensor[]>) as unknown as Promise<GraphModule<Out>>;
}

/** A table that has the operators of a file, where Octet has them; the given ones come first. */
async function tableFor({ model, graph }: OnnxFile, given: readonly OnnxOperator[]): Promise<OperatorTable> {
  const usual = onnxOperators();
  const table = new OperatorTable(given, usual);
  const lists = [graph.node, ...model.functions.map(({ node }) => node)];
  for (const nodes of lists) {
    for (const { domain, opType } of nodesIn(nodes)) {
      if (table.has(domain, opType)) continue;
      const { rareOperators } = await import('./operators/rare');
      return new OperatorTable(given, usual, rareOperators());
    }
  }
  return table;
}

/** Whole numbers are integers, which ONNX's float operators then are cast to. */
function boundValue(value: NestedNumbers | Tensor): HostTensor {
  if (value instanceof Tensor) return toHost(value);
  const t = toHost(tensor(value));
  return t.dtype === 'float32' && t.data.every((v) => v === (v | 0)) ? t.to('int32') : t;
}
