import type { QEngine } from '@octet/quantization';
import type { PeerModelName } from './models';

export type DType = 'float32' | 'int8';

/** What engines for the web compute on: WebAssembly or WebGPU in Node, or WebAssembly in pages of Chromium. */
export const platforms = ['wasm', 'webgpu', 'browser'] as const;
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
  /** A TensorFlow Lite file of the same network with other weights, if there is a folder of them. */
  tflite?: string;
}

/** The bytes of a file of a job: from the disk, or for a page from the server. @throws Error if there is none */
export type ReadFile = (file: string) => Promise<Uint8Array<ArrayBuffer>>;

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

/** Loads the network. Imports the engine's package only then, for it may be absent. */
export type StartEngine = (job: Job, read: ReadFile) => Promise<Session>;

/** One of those that are compared. */
export interface Engine {
  dtypes: readonly DType[];
  /** Why it has only one thread on a platform, if so. */
  oneThread?: Partial<Record<Platform, string>>;
  /** Why it can't compute on a platform, if so. */
  lacks?: Partial<Record<Platform, string>>;
  /** Whether its files are of other weights, so that its outputs can't be compared. */
  otherWeights?: boolean;
}
