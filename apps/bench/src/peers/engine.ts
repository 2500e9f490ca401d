import type { QEngine } from '@octet/quantization';
import type { PeerModelName } from './models';

export type DType = 'float32' | 'int8';

/** What engines for the web compute on. */
export const platforms = ['wasm', 'webgpu'] as const;
export type Platform = (typeof platforms)[number];

/** What an engine has to run: one network, as files. */
export interface Job {
  model: PeerModelName;
  dtype: DType;
  /** The recipe of the int8 form. */
  qengine: QEngine;
  platform: Platform;
  threads: number;
  /** float32, row-major: images are NCHW. */
  input: { file: string; shape: readonly number[] };
  /** The network as ONNX. */
  onnx: string;
  /** Its state dict as safetensors. */
  checkpoint: string;
}

/** A network that is ready to run. */
export interface Session {
  /** Of the engine. */
  version: string;
  /** What is timed: from one JavaScript array to another. */
  run(input: Float32Array): Float32Array | Promise<Float32Array>;
  /** The input in the engine's own layout. Not timed. */
  layIn?(input: Float32Array): Float32Array;
  /** An output in row-major order. Not timed. */
  layOut?(output: Float32Array): Float32Array;
}

/** One of those that are compared. */
export interface Engine {
  dtypes: readonly DType[];
  /** Why it has only one thread here, if so. */
  oneThread?: string;
  /** Why it can't compute on a platform here, if so. */
  lacks?: Partial<Record<Platform, string>>;
  /** Loads the network. Imports the engine's package only then, for it may be absent. */
  start(job: Job): Promise<Session>;
}
