/** Files of model weights: safetensors, and PyTorch's `.pt`. */
import '@octet/tensor';

export type { StoredDType } from './elements';
export { FormatError, type FormatErrorDetails, type ParseOptions } from './errors';
export { checkWritable, isStandardOutput, type WriteFileOptions, writeFile } from './files/write-file';
export { loadPt, type PtKey, PtObject, type PtValue, parsePt } from './pt/read';
export { ptStateDict } from './pt/state-dict';
export * from './safetensors';
