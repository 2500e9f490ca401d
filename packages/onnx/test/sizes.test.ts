import { create, toBinary } from '@bufbuild/protobuf';
import { ArgumentError } from '@octet/backend';
import { AdaptiveAvgPool2d, Conv2d, Module, Parameter, ReLU, Sequential, Upsample } from '@octet/nn';
import { convertFx, prepareFx } from '@octet/quantization';
import { add, manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportOnnx, type GraphModule, importOnnx, OnnxExportError } from '../src';
import { ModelProtoSchema, TensorShapeProto_DimensionSchema } from '../src/onnx.generated';
import { compareTo, ort, parse } from './engine';

beforeEach(() => void manualSeed(5));

/** A model as of a file whose input is called [N, 3, H, W]. */
async function named(model: Module, names: readonly (string | undefined)[]): Promise<GraphModule> {
  const proto = parse(await exportOnnx(model.eval(), randn([1, 3, 64, 64]), { dynamicBatch: true }));
  const { type } = proto.graph.input[0];
  if (type?.value.case !== 'tensorType') throw new Error('no tensor');
  names.forEach((value, d) => {
    const dims = type.value.case === 'tensorType' ? type.value.value.shape?.dim : undefined;
    if (value !== undefined && dims)
      dims[d] = create(TensorShapeProto_DimensionSchema, { value: { case: 'dimParam', value } });
  });
  return importOnnx(toBinary(ModelProtoSchema, proto));
}

const sizesIn = (bytes: Uint8Array) =>
  [...parse(bytes).graph.input, ...parse(bytes).graph.output].map(({ type }) =>
    type?.value.case === 'tensorType'
      ? type.value.value.shape?.dim.map(({ value }) =>
          value.case === 'dimValue' ? Number(value.value) : value.value,
        )
      : undefined,
  );

/** Down, up and joined with what went down, as a detector's neck. */
class Neck extends Module {
  readonly stem = new Sequential(new Conv2d(3, 8, 3, { stride: 2, padding: 1 }), new ReLU());
  readonly down = new Sequential(new Conv2d(8, 8, 3, { stride: 2, padding: 1 }), new ReLU());
  readonly gate = new Sequential(new AdaptiveAvgPool2d(1), new Conv2d(8, 8, 1));
  readonly up = new Upsample({ scaleFactor: 2 });
  readonly head = new Conv2d(8, 1, 1);

  forward(x: Tensor): Tensor {
    const large = this.stem.call(x);
    const small = this.down.call(large);
    const gated = add(small.mul(this.gate.call(small)), 0.25);
    return this.head.call(add(large, this.up.call(gated)));
  }
}

const open = ['n', undefined, 'h', 'w'] as const;

describe('sizes that a graph names', { timeout: 60_000 }, () => {
  test.runIf(ort)('stay open, in float and in int8, and the file runs at others', async () => {
    const float = await named(new Neck(), open);
    const prepared = prepareFx(float);
    noGrad(() => prepared.call(randn([2, 3, 64, 96])));
    const int8 = await convertFx(prepared);
    for (const model of [float, int8]) {
      const bytes = await exportOnnx(model, randn([1, 3, 160, 64]));
      expect(sizesIn(bytes)).toEqual([
        ['n', 3, 'h', 'w'],
        ['n', 1, 'n_1_2', 'n_1_3'],
      ]);
      for (const shape of [
        [1, 3, 64, 64],
        [3, 3, 96, 32],
      ]) {
        const [{ difference, want }] = await compareTo(bytes, model, [randn(shape)]);
        const largest = Math.max(...Array.from(want, Math.abs));
        expect(difference).toBeLessThan(model === float ? 1e-5 * largest : largest / 20);
      }
    }
  });

  test('but for those that go into a constant', async () => {
    class Placed extends Module {
      readonly conv = new Conv2d(3, 4, 8, { stride: 8 });
      readonly position = new Parameter(randn([1, 4, 8, 8]));

      forward(x: Tensor): Tensor {
        return this.conv.call(x).add(this.position);
      }
    }
    const model = await named(new Placed(), open);
    const bytes = await exportOnnx(model, randn([2, 3, 64, 64]));
    expect(sizesIn(bytes)).toEqual([
      ['n', 3, 64, 64],
      ['n', 4, 8, 8],
    ]);
  });

  test('are chosen by dynamicDims, which refuses what can’t be open', async () => {
    const model = await named(new Neck(), open);
    const x = randn([1, 3, 64, 64]);
    expect(sizesIn(await exportOnnx(model, x, { dynamicDims: ['w'] }))[0]).toEqual([1, 3, 64, 'w']);
    expect(sizesIn(await exportOnnx(model, x, { dynamicDims: [] }))[0]).toEqual([1, 3, 64, 64]);
    expect(sizesIn(await exportOnnx(model, x, { dynamicBatch: true }))[0]).toEqual(['batch', 3, 64, 64]);
    await expect(exportOnnx(model, x, { dynamicDims: ['d'] })).rejects.toThrow(/dynamicDims of n, h, w/);
    await expect(exportOnnx(model, x, { dynamicDims: ['w'], dynamicBatch: true })).rejects.toThrow(
      ArgumentError,
    );
    await expect(exportOnnx(new ReLU().eval(), x, { dynamicDims: ['w'] })).rejects.toThrow(/GraphModule/);
    class Divides extends Module {
      forward(t: Tensor): Tensor {
        return t.sum([2, 3]).div(t.shape[2]);
      }
    }
    const divides = Object.assign(new Divides().eval(), { graph: model.graph });
    await expect(exportOnnx(divides, x, { dynamicDims: ['h'] })).rejects.toThrow(OnnxExportError);
    await expect(exportOnnx(divides, x, { dynamicDims: ['h'] })).rejects.toThrow(
      /the size 'h' in a constant of Div/,
    );
  });
});
