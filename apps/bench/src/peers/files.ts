import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { signal } from '@octet/cli/interrupt';
import { save } from '@octet/formats';
import type { Module } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import type { QEngine } from '@octet/quantization';
import { getBackend, manualSeed, randn } from '@octet/tensor';
import { measureLayers } from '../layers';
import type { DType, Job } from './engine';
import { type InputSize, type PeerModel, type PeerModelName, peerModels } from './models';

/** A network as files that every engine can take. */
export interface PeerFiles {
  model: PeerModelName;
  /** Multiplications of one run, as its modules count them. */
  macs: number;
  inputShape: readonly number[];
  /** What to run, but for the threads. */
  jobs: Record<DType, Omit<Job, 'platform' | 'threads'>>;
}

/** How many images a network is calibrated on at most. */
const calibrationBatch = 8;

/** How the file of a network in a folder of TensorFlow Lite files is called; the int8 one has float inputs and outputs. */
export function tfliteName(model: PeerModelName, batch: number, dtype: DType): string {
  const { tflite = model }: PeerModel = peerModels[model];
  return `${tflite}_b${batch}_${dtype === 'int8' ? 'i8f' : 'f32'}.tflite`;
}

/** Makes a network of random weights, quantizes it, and writes both forms to a folder. @throws Interrupted */
export async function writePeerFiles(
  model: PeerModelName,
  {
    folder,
    qengine,
    tflite,
    ...inputSize
  }: InputSize & { folder: string; qengine: QEngine; tflite?: string },
): Promise<PeerFiles> {
  const { inputShape, create, toInt8 } = peerModels[model];
  manualSeed(0);
  const shape = inputShape(inputSize);
  const x = randn(shape);
  const data = x.slice(0, 0, Math.min(shape[0], calibrationBatch));
  const float = create(data);
  const int8 = await toInt8(float.clone(), qengine, data);
  const layers = await measureLayers(float, x, { runs: 1, backend: getBackend() });

  const input = { file: path.join(folder, `${model}.input`), shape };
  await writeFile(input.file, await x.data(), { signal });
  const write = async (dtype: DType, network: Module): Promise<Omit<Job, 'platform' | 'threads'>> => {
    const file = path.join(folder, `${model}-${dtype}`);
    const job = {
      ...{ model, dtype, qengine, input, onnx: `${file}.onnx`, checkpoint: `${file}.safetensors` },
      ...(tflite !== undefined && { tflite: path.join(tflite, tfliteName(model, shape[0], dtype)) }),
    };
    await writeFile(job.onnx, await exportOnnx(network, x), { signal });
    await save(network.stateDict(), job.checkpoint, { signal });
    return job;
  };
  return {
    model,
    macs: layers.reduce((sum, { macs }) => sum + macs, 0),
    inputShape: shape,
    jobs: { float32: await write('float32', float), int8: await write('int8', int8) },
  };
}
