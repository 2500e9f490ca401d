import { fromBinary } from '@bufbuild/protobuf';
import { importOnnx } from '@octet/onnx';
import { fromData, noGrad, type Tensor } from '@octet/tensor';
import {
  TensorProto_DataType as T,
  type TensorProto,
  TensorProtoSchema,
} from '../../../packages/onnx/src/onnx.generated';
import { readArchive } from './archive';

/** A case of the ONNX backend test suite. */
export interface Case {
  readonly name: string;
  readonly ops: readonly string[];
  readonly rtol: number;
  readonly atol: number;
  readonly onnxruntimeWeb: boolean;
  readonly model: Uint8Array;
  readonly inputs: readonly TensorProto[];
  readonly outputs: readonly TensorProto[];
}

/** The cases in an archive of this layout. */
export function readCases(path: string): Case[] {
  const files = readArchive(path);
  const index = JSON.parse(new TextDecoder().decode(files.get('node/index.json'))) as Omit<
    Case,
    'model' | 'inputs' | 'outputs'
  >[];
  return index.map((entry) => {
    const folder = `node/${entry.name}`;
    const tensors = (kind: string) => {
      const list: TensorProto[] = [];
      for (let i = 0; files.has(`${folder}/test_data_set_0/${kind}_${i}.pb`); i++) {
        list.push(
          fromBinary(TensorProtoSchema, files.get(`${folder}/test_data_set_0/${kind}_${i}.pb`) as Uint8Array),
        );
      }
      return list;
    };
    return {
      ...entry,
      model: files.get(`${folder}/model.onnx`) as Uint8Array,
      inputs: tensors('input'),
      outputs: tensors('output'),
    };
  });
}

/** Whole architectures without weights: the model and its first output. */
export function readLight(path: string): { name: string; model: Uint8Array; output: TensorProto }[] {
  const files = readArchive(path);
  return [...files.keys()].flatMap((file) => {
    const name = /^light\/(.*)\.onnx$/.exec(file)?.[1];
    if (!name) return [];
    const output = fromBinary(TensorProtoSchema, files.get(`light/${name}_output_0.pb`) as Uint8Array);
    return [{ name, model: files.get(file) as Uint8Array, output }];
  });
}

/** Numbers of the file's own types; nothing of the importer's. */
export function valuesOf(proto: TensorProto): { shape: number[]; data: Float64Array; type: number } {
  const shape = proto.dims.map(Number);
  const raw = proto.rawData;
  const typed =
    [proto.floatData, proto.int32Data, proto.int64Data, proto.doubleData].find((d) => d.length > 0) ?? [];
  if (raw.length === 0)
    return { shape, data: Float64Array.from(typed as number[], Number), type: proto.dataType };
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const read: Record<number, [bytes: number, (at: number) => number | bigint]> = {
    [T.FLOAT]: [4, (at) => view.getFloat32(at, true)],
    [T.DOUBLE]: [8, (at) => view.getFloat64(at, true)],
    [T.FLOAT16]: [2, (at) => half(view.getUint16(at, true))],
    [T.INT64]: [8, (at) => view.getBigInt64(at, true)],
    [T.UINT64]: [8, (at) => view.getBigUint64(at, true)],
    [T.UINT32]: [4, (at) => view.getUint32(at, true)],
    [T.INT16]: [2, (at) => view.getInt16(at, true)],
    [T.UINT16]: [2, (at) => view.getUint16(at, true)],
    [T.INT32]: [4, (at) => view.getInt32(at, true)],
    [T.UINT8]: [1, (at) => view.getUint8(at)],
    [T.INT8]: [1, (at) => view.getInt8(at)],
    [T.BOOL]: [1, (at) => view.getUint8(at)],
  };
  const [bytes, get] = read[proto.dataType] ?? [];
  if (!bytes || !get) throw new Error(`type ${T[proto.dataType]}`);
  const data = Float64Array.from({ length: raw.length / bytes }, (_, i) => Number(get(i * bytes)));
  return { shape, data, type: proto.dataType };
}

/** IEEE 754's 16 bits. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 1 + fraction / 1024 : fraction / 512) * 2 ** (exponent - 15);
}

const dtypes: Readonly<Record<number, 'float32' | 'int32' | 'uint8' | 'int8' | 'bool'>> = {
  [T.FLOAT]: 'float32',
  [T.DOUBLE]: 'float32',
  [T.FLOAT16]: 'float32',
  [T.INT64]: 'int32',
  [T.UINT64]: 'int32',
  [T.UINT32]: 'int32',
  [T.INT16]: 'int32',
  [T.UINT16]: 'int32',
  [T.INT32]: 'int32',
  [T.UINT8]: 'uint8',
  [T.INT8]: 'int8',
  [T.BOOL]: 'bool',
};

export function tensorOf(proto: TensorProto): Tensor {
  const { shape, data, type } = valuesOf(proto);
  return fromData(data, shape, { dtype: dtypes[type] });
}

/** Imports the case's model and runs it. @throws what importer and model throw, and an Error for other numbers than expected */
export async function check(test: Case): Promise<void> {
  const model = await importOnnx<Tensor | Tensor[]>(test.model);
  const byName = new Map(test.inputs.map((proto) => [proto.name, proto]));
  const inputs = model.inputNames.map((name, i) => tensorOf(byName.get(name) ?? test.inputs[i]));
  const y = noGrad(() => model.call(...inputs));
  const outputs = Array.isArray(y) ? y : [y];
  for (const [i, proto] of test.outputs.entries()) compare(outputs[i], proto, test);
}

/** @throws Error unless the shapes agree and each element does within atol + rtol · |expected| */
export function compare(y: Tensor, proto: TensorProto, { rtol, atol }: { rtol: number; atol: number }): void {
  const want = valuesOf(proto);
  if (y.shape.join() !== want.shape.join()) throw new Error(`shape [${y.shape}] instead of [${want.shape}]`);
  const got = y.dataSync();
  for (let i = 0; i < got.length; i++) {
    const [a, b] = [got[i], want.data[i]];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= atol + rtol * Math.abs(b))
      continue;
    throw new Error(`element ${i} is ${a} instead of ${b}`);
  }
}
