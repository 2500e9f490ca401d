/** Files of weights and data: safetensors, PyTorch's `.pt`, NumPy's `.npy` and `.npz`. */
import '@octet/tensor';

export {
  loadCheckpoint,
  parseCheckpoint,
  type Restorable,
  type Stateful,
  saveCheckpoint,
  serializeCheckpoint,
  type Targets,
} from './checkpoint';
export type { StoredDType } from './elements';
export { FormatError, type FormatErrorDetails, type ParseOptions } from './errors';
export { checkWritable, isStandardOutput, type WriteFileOptions, writeFile } from './files/write-file';
export { parseNpy } from './npy/npy';
export { parseNpz } from './npy/npz';
export { loadPt, type PtKey, PtObject, type PtValue, parsePt } from './pt/read';
export { ptStateDict } from './pt/state-dict';
export * from './safetensors';
