import { checkOptions } from '@octet/backend';
import type { GraphModule, ImportOnnxOptions, OnnxSource } from '@octet/onnx';
import type { Tensor } from '@octet/tensor';
import { architectureIn, build } from './architecture';

export interface LoadModelOptions extends Omit<ImportOnnxOptions, 'operators'> {}

/**
 * A model with its architecture, in float or int8, from an ONNX file, or from a safetensors file whose metadata say what it is
 * (`architectureMetadata`): its bytes, a path (in Node) or an address. Of ONNX files it is `importOnnx`. A safetensors file at a path or
 * an address is known by its name. The code that reads is loaded with the first model.
 *
 * The model is a graph in evaluation mode, its weights on the current backend. `inputs`, `dims` and `files` are of ONNX files alone.
 *
 * @throws OnnxImportError for a file of another kind, a damaged one, or one with operators that Octet hasn't; FormatError for a damaged
 * safetensors file; ModuleError if its tensors aren't those of its architecture; ArgumentError for one without an architecture or with
 * one that isn't known, for a source that can't be read, or a bad option; the signal's reason
 */
export async function loadModel(
  source: OnnxSource,
  options?: LoadModelOptions,
): Promise<GraphModule<Tensor | Tensor[]>> {
  const checked = checkOptions('loadModel', options, 'inputs dims files onProgress signal cache');
  if (isSafetensors(source)) return loadSafetensors(source, checked);
  const { importOnnx } = await import('@octet/onnx');
  return importOnnx<Tensor | Tensor[]>(source, checked);
}

async function loadSafetensors(
  source: OnnxSource,
  options: LoadModelOptions,
): Promise<GraphModule<Tensor | Tensor[]>> {
  const download = checkOptions('loadModel', options, 'onProgress signal cache');
  const [{ readSource, symbolicTrace }, { parseSafetensors }, { zeros }] = await Promise.all([
    import('@octet/onnx'),
    import('@octet/formats'),
    import('@octet/tensor'),
  ]);
  const file = parseSafetensors(await readSource(source, download));
  const architecture = architectureIn(file.metadata);
  const model = await build(architecture);
  await model.loadStateDictAsync(file.toStateDict());
  return symbolicTrace<Tensor | Tensor[]>(model, zeros([...architecture.input]));
}

/** By its name; bytes by the length of the header, of which four bytes are 0 below 4 GB, and the header's first letter. */
function isSafetensors(source: OnnxSource): boolean {
  const tag = Object.prototype.toString.call(source);
  if (tag === '[object Uint8Array]' || tag === '[object ArrayBuffer]') {
    const start =
      tag === '[object ArrayBuffer]' ? new Uint8Array(source as ArrayBuffer) : (source as Uint8Array);
    return start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0);
  }
  const written = typeof source === 'string' ? source : (source as { href?: unknown } | undefined)?.href;
  return typeof written === 'string' && /\.safetensors([?#]|$)/i.test(written);
}
