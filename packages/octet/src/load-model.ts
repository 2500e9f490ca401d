import { checkOptions } from '@octet/backend';
import type { GraphModule, ImportOnnxOptions, OnnxSource } from '@octet/onnx';
import type { Tensor } from '@octet/tensor';

export interface LoadModelOptions extends Omit<ImportOnnxOptions, 'operators'> {}

/**
 * A model with its architecture, from an ONNX file in float or int8: its bytes, a path (in Node) or an address. It is `importOnnx`, whose code is
 * loaded with the first model. For a network that is written in TypeScript, `parseSafetensors` reads the weights.
 *
 * The model is in evaluation mode, its weights on the current backend.
 *
 * @throws OnnxImportError for a file of another kind, a damaged one, or one with operators that Octet hasn't; ArgumentError for a
 * source that can't be read, or a bad option; the signal's reason
 */
export async function loadModel(
  source: OnnxSource,
  options?: LoadModelOptions,
): Promise<GraphModule<Tensor | Tensor[]>> {
  const checked = checkOptions('loadModel', options, 'inputs dims files onProgress signal cache');
  const { importOnnx } = await import('@octet/onnx');
  return importOnnx<Tensor | Tensor[]>(source, checked);
}
