import type { AnyModule } from '@octet/nn';
import { exportOnnx, importOnnx } from '@octet/onnx';
import { calibrate, convertFx, prepareFx } from '@octet/quantization';
import { randomSamples, readFileSamples } from '@octet/samples';
import { manualSeed, type Tensor } from '@octet/tensor';
import { decodeImage, unpacked } from '@octet/web/sample-files';
import type { Networks } from '../../src/compare/compare';
import type { ComparePlan } from '../../src/compare/plan';

/** Files that someone gave. */
export interface OwnFiles {
  /** An ONNX file. */
  readonly model: File;
  /** Inputs; none: random ones are made. */
  readonly samples: readonly File[];
  /** TensorFlow Lite files of the same network, for the engine that reads nothing else. */
  readonly tflite: readonly File[];
}

/** A network from an ONNX file, and its int8 form by the default recipe, calibrated on the inputs. */
export async function ownNetworks({ model, samples }: OwnFiles, { size }: ComparePlan): Promise<Networks> {
  manualSeed(0);
  const file = new Uint8Array(await model.arrayBuffer());
  const float = await importOnnx<Tensor | Tensor[]>(file);
  const { inputs } = float.graph;
  const options = { size: [size, size] as const };
  const read: Tensor[][] = [];
  for (const sample of samples) {
    const given = { name: sample.name, bytes: new Uint8Array(await sample.arrayBuffer()) };
    const plain = { ...given, bytes: await unpacked(given) };
    read.push(...(await readFileSamples(plain, inputs, options, decodeImage)));
  }
  const data = read.length > 0 ? read : randomSamples(inputs, options);
  const prepared = prepareFx(float);
  await calibrate(prepared, data);
  const int8 = await convertFx(prepared);
  return {
    float: float as unknown as AnyModule,
    int8: int8 as unknown as AnyModule,
    inputs: data[0],
    bytes: { fp32: file.length, int8: (await exportOnnx(int8 as unknown as AnyModule, data[0])).length },
    own: {
      name: model.name,
      shapes: data[0].map(({ shape }) => shape),
      inputs: read.length > 0 ? 'given' : 'random',
    },
    file,
  };
}
