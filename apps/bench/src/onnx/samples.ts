import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '@octet/cli/errors';

/** Numbers as a file has them. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Int8Array | BigInt64Array;
}

export type Named = Readonly<Record<string, Numbers>>;

/** Inputs of a model, and what another engine made of them in float. */
export interface Sample {
  readonly in: Named;
  readonly out: Named;
}

const arrays = {
  F32: Float32Array,
  I32: Int32Array,
  U8: Uint8Array,
  I8: Int8Array,
  I64: BigInt64Array,
  BOOL: Uint8Array,
};

/** The samples of a set: tensors `0.in.X`, `0.out.X`, … */
function readSamples(file: string): Sample[] {
  const bytes = gunzipSync(readFileSync(file));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: keyof typeof arrays; shape: number[]; data_offsets: [number, number] }
  >;
  delete header.__metadata__;
  const from = bytes.byteOffset + 8 + length;
  const samples: { in: Record<string, Numbers>; out: Record<string, Numbers> }[] = [];
  for (const [key, tensor] of Object.entries(header)) {
    const { dtype, shape, data_offsets: offsets } = tensor;
    const [, i, side, name] = /^(\d+)\.(in|out)\.(.*)$/s.exec(key) as unknown as [
      string,
      string,
      'in' | 'out',
      string,
    ];
    const copy = bytes.buffer.slice(from + offsets[0], from + offsets[1]) as ArrayBuffer;
    samples[Number(i)] ??= { in: {}, out: {} };
    samples[Number(i)][side][name] = { shape, data: new arrays[dtype](copy) };
  }
  return samples;
}

/** A model of a folder, with inputs to calibrate with and others to judge by. */
export interface OnnxCase {
  readonly name: string;
  readonly file: string;
  readonly calibration: readonly Sample[];
  readonly evaluation: readonly Sample[];
}

/**
 * The models of a folder `models/NAME.onnx`, `data/NAME.{calibration,evaluation}.safetensors.gz`; those of `names`, if given.
 * @throws UsageError if there are none
 */
export function modelNames(dir: string, names: readonly string[] | undefined): string[] {
  const folder = path.join(dir, 'models');
  const there = existsSync(folder)
    ? readdirSync(folder).flatMap((file) => (file.endsWith('.onnx') ? [file.slice(0, -'.onnx'.length)] : []))
    : [];
  const found = [...(names ?? there)];
  const missing = found.find((name) => !there.includes(name));
  if (found.length > 0 && missing === undefined) return found;
  throw new UsageError({
    op: names ? '--models' : '--dir',
    expected: `ONNX models in ${folder}`,
    found: missing === undefined ? 'none' : `no ${missing}`,
    fix: 'A model is models/NAME.onnx, its inputs data/NAME.calibration.safetensors.gz and data/NAME.evaluation.safetensors.gz.',
  });
}

export function readCase(dir: string, name: string): OnnxCase {
  const set = (which: string) => {
    const file = path.join(dir, 'data', `${name}.${which}.safetensors.gz`);
    return existsSync(file) ? readSamples(file) : [];
  };
  return {
    name,
    file: path.join(dir, 'models', `${name}.onnx`),
    calibration: set('calibration'),
    evaluation: set('evaluation'),
  };
}

/** Inputs of one whole number that is the same in all samples: a rate, a mode. They choose branches of a model. */
export function settledInputs({ calibration, evaluation }: OnnxCase): Record<string, number> {
  const samples = [...calibration, ...evaluation];
  const settled: Record<string, number> = {};
  for (const [name, { data }] of Object.entries(samples[0]?.in ?? {})) {
    const value = data[0];
    const same = samples.every((s) => s.in[name]?.data.length === 1 && s.in[name].data[0] === value);
    if (same && !(data instanceof Float32Array)) settled[name] = Number(value);
  }
  return settled;
}
