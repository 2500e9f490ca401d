import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Numbers as a safetensors file has them; int64 as int32. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Int8Array;
}

/** Inputs of a model and what another engine made of them, by name. */
export interface Sample {
  readonly in: Record<string, Numbers>;
  readonly out: Record<string, Numbers>;
}

const arrays = { F32: Float32Array, I32: Int32Array, U8: Uint8Array, I8: Int8Array, BOOL: Uint8Array };

function readSafetensors(path: string): Map<string, Numbers> {
  const bytes = gunzipSync(readFileSync(path));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: keyof typeof arrays | 'I64'; shape: number[]; data_offsets: [number, number] }
  >;
  delete header.__metadata__;
  const from = bytes.byteOffset + 8 + length;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [a, b],
        },
      ]) => {
        const copy = bytes.buffer.slice(from + a, from + b) as ArrayBuffer;
        const data =
          dtype === 'I64' ? Int32Array.from(new BigInt64Array(copy), Number) : new arrays[dtype](copy);
        return [name, { shape, data }];
      },
    ),
  );
}

/** The models in a folder of this layout: `models/NAME.onnx`, `data/NAME.{check,evaluation}.safetensors.gz`. */
export function modelsIn(dir: string): { name: string; path: string }[] {
  const folder = join(dir, 'models');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => ({ name: file.slice(0, -'.onnx'.length), path: join(folder, file) }));
}

/** The first samples of a model, of each of its sets. */
export function samplesOf(dir: string, name: string, most: number): Sample[] {
  return ['check', 'evaluation'].flatMap((set) => {
    const path = join(dir, 'data', `${name}.${set}.safetensors.gz`);
    if (!existsSync(path)) return [];
    const samples: Sample[] = [];
    for (const [key, numbers] of readSafetensors(path)) {
      const [, i, side, input] = /^(\d+)\.(in|out)\.(.*)$/s.exec(key) as unknown as [
        string,
        string,
        'in' | 'out',
        string,
      ];
      samples[Number(i)] ??= { in: {}, out: {} };
      samples[Number(i)][side][input] = numbers;
    }
    return samples.slice(0, most);
  });
}

/** The largest difference, relative to the largest expected number. */
export function differenceOf(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [largest, most] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    largest = Math.max(largest, Math.abs(want[i]));
    // NaN stays.
    most = Math.max(most, Math.abs(got[i] - want[i]));
  }
  return Number.isNaN(most) ? Number.POSITIVE_INFINITY : most / (largest || 1);
}
