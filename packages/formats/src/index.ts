/** Files of model weights: safetensors, and PyTorch's `.pt`. */
export type { StoredDType } from './elements';
export { FormatError, type FormatErrorDetails, type ParseOptions } from './errors';
export { checkWritable, isStandardOutput, type WriteFileOptions, writeFile } from './files/write-file';
export { loadPt, type PtKey, PtObject, type PtValue, parsePt } from './pt/read';
export { ptStateDict } from './pt/state-dict';
export { load, OpenSafetensors, open, type SaveOptions, save } from './safetensors/files';
export type { TensorInfo } from './safetensors/header';
export { parseSafetensors, SafetensorsFile } from './safetensors/read';
export { type SerializeOptions, serializeSafetensors, serializeSafetensorsAsync } from './safetensors/write';
export type { StateDict } from './state-dict';
