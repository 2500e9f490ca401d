import { create } from '@bufbuild/protobuf';
import { noGrad, randn, type Tensor } from '@octet/tensor';
import { describe, expect, it } from 'vitest';
import { importOnnx } from '../src';
import { TensorProto_DataType as T, TensorProtoSchema } from '../src/onnx.generated';
import { ort, run } from './engine';
import { file, floats, node, value } from './files';

const domain = 'com.microsoft';
const uint8 = (name: string, v: number) =>
  create(TensorProtoSchema, { name, dataType: T.UINT8, int32Data: [v] });
const weights = [
  floats('w', [4, 3, 3, 3]),
  floats('b', [4]),
  floats('m', [8, 6]),
  floats('b18', [18]),
  floats('b6', [6]),
  floats('g6', [6], [1, 0.5, 2, -1, 0.7, 1.3]),
  floats('c6', [6], [0.1, 0.5, -0.2, 1, 0.7, 0.3]),
  floats('w18', [6, 18]),
  floats('scores', [2, 3, 4, 4]),
  create(TensorProtoSchema, {
    ...{ name: 'seen', dims: [2n, 4n], dataType: T.INT32 },
    int32Data: [1, 1, 0, 1, 1, 0, 0, 0],
  }),
  ...[floats('s1', [], [0.02]), floats('s2', [], [0.03]), floats('s3', [], [0.05])],
  ...[uint8('z1', 128), uint8('z2', 120), uint8('z3', 110)],
];
const image = [1, 3, 6, 6];
const quantize = node('QuantizeLinear', ['x', 's1', 'z1'], ['q']);
const twice = ['q', 's1', 'z1', 'q', 's2', 'z2', 's3', 'z3'];
const dequantize = node('DequantizeLinear', ['p', 's3', 'z3'], ['y']);

describe.skipIf(!ort)("onnxruntime's own operators give its numbers", () => {
  it.each([
    [
      'FusedConv',
      image,
      [node('FusedConv', ['x', 'w', 'b'], ['y'], { activation: 'Relu', pads: [1, 1, 1, 1] }, { domain })],
    ],
    [
      'FusedMatMul',
      [2, 5, 6],
      [node('FusedMatMul', ['x', 'm'], ['y'], { alpha: { float: 0.5 }, transB: 1 }, { domain })],
    ],
    [
      'MultiHeadAttention',
      [2, 4, 6],
      [node('MultiHeadAttention', ['x', 'x', 'x', 'b18'], ['y'], { num_heads: 2 }, { domain })],
    ],
    [
      'MultiHeadAttention, masked',
      [2, 4, 6],
      [
        node(
          'MultiHeadAttention',
          ['x', 'x', 'x', '', 'seen', 'scores'],
          ['y'],
          { num_heads: 3, scale: { float: 0.4 } },
          { domain },
        ),
      ],
    ],
    [
      'Attention',
      [2, 4, 6],
      [node('Attention', ['x', 'w18', 'b18'], ['y'], { num_heads: 2, unidirectional: 1 }, { domain })],
    ],
    [
      'Attention, masked',
      [2, 4, 6],
      [node('Attention', ['x', 'w18', 'b18', 'seen'], ['y'], { num_heads: 2 }, { domain })],
    ],
    ['Gelu', [2, 7], [node('Gelu', ['x'], ['y'], {}, { domain })]],
    ['BiasGelu', [2, 6], [node('BiasGelu', ['x', 'b6'], ['y'], {}, { domain })]],
    ['FastGelu', [2, 6], [node('FastGelu', ['x', 'b6'], ['y'], {}, { domain })]],
    ['QuickGelu', [2, 6], [node('QuickGelu', ['x'], ['y'], {}, { domain })]],
    [
      'SkipLayerNormalization',
      [2, 4, 6],
      [node('SkipLayerNormalization', ['x', 'x', 'g6', 'b6', 'c6'], ['y'], {}, { domain })],
    ],
    [
      'SkipSimplifiedLayerNormalization',
      [2, 4, 6],
      [node('SkipSimplifiedLayerNormalization', ['x', 'x', 'g6', 'c6'], ['y'], {}, { domain })],
    ],
    [
      'SkipLayerNormalization, with the sum',
      [2, 4, 6],
      [
        node('SkipLayerNormalization', ['x', 'x', 'g6'], ['n', '', '', 's'], {}, { domain }),
        node('Sub', ['n', 's'], ['y']),
      ],
    ],
    ['QLinearAdd', image, [quantize, node('QLinearAdd', twice, ['p'], {}, { domain }), dequantize]],
    ['QLinearMul', image, [quantize, node('QLinearMul', twice, ['p'], {}, { domain }), dequantize]],
  ])('%s', async (op, shape, nodes) => {
    const used = new Set(nodes.flatMap((n) => n.input));
    const bytes = file(
      {
        inputs: [value('x', shape)],
        outputs: ['y'],
        nodes,
        weights: weights.filter(({ name }) => used.has(name)),
      },
      { opset: 17, domains: { [domain]: 1 } },
    );
    const x = randn(shape);
    const [want] = await run(bytes, [x]);
    const model = await importOnnx<Tensor>(bytes);
    const y = noGrad(() => model.call(x));
    expect(y.shape).toEqual(want.dims);
    // Integers may differ by a step where they lie half-way.
    const tolerance = op.startsWith('QLinear') ? 0.0501 : 1e-4;
    const got = y.dataSync();
    for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - want.data[i])).toBeLessThan(tolerance);
  });
});
