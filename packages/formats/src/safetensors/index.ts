/** Safetensors files, without what `@octet/tensor` adds to `@octet/tensor/functional`. */
export type { StateDict } from '../state-dict';
export { load, OpenSafetensors, open, type SaveOptions, save } from './files';
export type { TensorInfo } from './header';
export { parseSafetensors, SafetensorsFile } from './read';
export { type SerializeOptions, serializeSafetensors, serializeSafetensorsAsync } from './write';
