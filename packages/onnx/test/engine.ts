import { fromBinary } from '@bufbuild/protobuf';
import type { AnyModule } from '@octet/nn';
import { noGrad, Tensor } from '@octet/tensor';
import { type ExportOnnxOptions, exportOnnx } from '../src';
import { type GraphProto, type ModelProto, ModelProtoSchema } from '../src/onnx.generated';

/** onnxruntime-node, which has no binary for some platforms; undefined there. */
export const ort = await import('onnxruntime-node').catch((error: Error) => {
  console.warn(
    `onnxruntime-node can't be loaded, the files are written but not run: ${error.message.split('\n')[0]}`,
  );
  return undefined;
});

export function parse(bytes: Uint8Array): ModelProto & { graph: GraphProto } {
  const model = fromBinary(ModelProtoSchema, bytes);
  if (!model.graph) throw new Error('no graph');
  return model as ModelProto & { graph: GraphProto };
}

/** An output as the engine gave it. */
export interface Result {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * Session settings. Without `precise`, machines that lack VNNI saturate the sums of uint8 · int8; with it, onnxruntime
 * 1.30 can't load a file in which several nodes share a weight.
 */
export interface RunOptions {
  precise?: boolean;
}

/** The outputs of a file for these inputs, in order. */
export async function run(
  bytes: Uint8Array,
  inputs: readonly Tensor[],
  { precise = true }: RunOptions = {},
): Promise<Result[]> {
  if (!ort) throw new Error('no engine');
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { x64quantprecision: precise ? '1' : '0' } },
  });
  const feeds = session.inputNames.map((name, i) => {
    const { storage, shape } = inputs[i];
    return [
      name,
      new (ort as NonNullable<typeof ort>).Tensor(
        storage.dtype as 'float32',
        inputs[i].dataSync() as Float32Array,
        shape,
      ),
    ];
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return session.outputNames.map((name) => results[name] as Result);
}

export function forward(model: AnyModule, inputs: readonly Tensor[]): Tensor[] {
  const flat = (y: unknown): Tensor[] => (y instanceof Tensor ? [y] : (y as unknown[]).flatMap(flat));
  return flat(noGrad(() => model.call(...inputs)));
}

/** Exports the model and runs both; shapes must agree. The largest differences, output by output. */
export async function compare(
  model: AnyModule,
  inputs: readonly Tensor[],
  options?: ExportOnnxOptions,
): Promise<{ difference: number; want: ArrayLike<number>; got: ArrayLike<number> }[]> {
  const bytes = await exportOnnx(model, inputs, options);
  return compareTo(bytes, model, inputs);
}

export async function compareTo(
  bytes: Uint8Array,
  model: AnyModule,
  inputs: readonly Tensor[],
  options?: RunOptions,
) {
  const wanted = forward(model, inputs);
  const results = await run(bytes, inputs, options);
  if (results.length !== wanted.length) throw new Error(`${results.length} outputs for ${wanted.length}`);
  return results.map(({ dims, data }, i) => {
    const want = wanted[i].dataSync();
    if (dims.join() !== wanted[i].shape.join()) throw new Error(`shape ${dims} for ${wanted[i].shape}`);
    let difference = 0;
    for (let j = 0; j < want.length; j++) {
      // Equal infinities and NaNs are equal.
      if (!Object.is(want[j], data[j])) difference = Math.max(difference, Math.abs(want[j] - data[j]) || 0);
      if (Number.isNaN(want[j]) !== Number.isNaN(data[j])) difference = Number.POSITIVE_INFINITY;
    }
    return { difference, want, got: data };
  });
}

/** Of outputs that are multiples of a scale: how many differ, and by how many steps at most. */
export function stepsApart(want: ArrayLike<number>, got: ArrayLike<number>, scale: number) {
  let differing = 0;
  let most = 0;
  for (let i = 0; i < want.length; i++) {
    const steps = Math.abs(Math.round((want[i] - got[i]) / scale));
    if (steps > 0) differing++;
    most = Math.max(most, steps);
  }
  return { share: differing / want.length, most };
}
