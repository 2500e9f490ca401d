/** Files of model weights: safetensors. */
export { FormatError, type FormatErrorDetails } from './errors';
export type { StoredDType } from './safetensors/elements';
export { load, OpenSafetensors, open, type SaveOptions, save } from './safetensors/files';
export type { TensorInfo } from './safetensors/header';
export { type ParseOptions, parseSafetensors, SafetensorsFile } from './safetensors/read';
export { type SerializeOptions, serializeSafetensors } from './safetensors/write';
export type { StateDict } from './state-dict';
