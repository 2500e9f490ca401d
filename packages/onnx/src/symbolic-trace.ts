import { checkOptions } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import type { Tensor } from '@octet/tensor';
import { exportOnnx } from './export';
import type { GraphModule } from './graph-module';
import { importOnnx } from './import/import';

export interface SymbolicTraceOptions {
  /** Whether dim 0 of the inputs may have any size; else it is that of the example. Default: true. */
  dynamicBatch?: boolean;
}

/**
 * A model that was written by hand, as a graph: what it computes for inputs like `exampleInput`, in evaluation mode, as the
 * file that `exportOnnx` writes says. Layers keep their paths, where they have weights; their weights are copies. Control flow
 * is that of this run, and what only matters while training, as dropout, isn't there. The graph has the mode of the model.
 *
 * @throws OnnxExportError for what ONNX can't say, naming the kernel and the module; ArgumentError for a bad option
 */
export async function symbolicTrace<Out extends Tensor | Tensor[] = Tensor>(
  model: AnyModule,
  exampleInput: Tensor | readonly Tensor[],
  options?: SymbolicTraceOptions,
): Promise<GraphModule<Out>> {
  const { dynamicBatch = true } = checkOptions('symbolicTrace', options, 'dynamicBatch');
  const still = model.training ? model.clone().eval() : model;
  const bytes = await exportOnnx(still, exampleInput, { dynamicBatch, opset: 22 });
  return (await importOnnx<Out>(bytes)).train(model.training);
}
