import { create } from '@bufbuild/protobuf';
import { noGrad, randn, type Tensor } from '@octet/tensor';
import { describe, expect, it } from 'vitest';
import { exportOnnx, importOnnx } from '../src';
import { type NodeProto, TensorProto_DataType as T, TensorProtoSchema } from '../src/onnx.generated';
import { ort, run } from './engine';
import { file, floats, node, value } from './files';

const domain = 'com.microsoft';
const integers = (name: string, dims: readonly number[], dataType: number, f: (i: number) => number) =>
  create(TensorProtoSchema, {
    ...{ name, dims: dims.map(BigInt), dataType },
    int32Data: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
  });
const around = (i: number) => ((i * 37) % 255) - 127;

const weights = [
  ...[floats('s1', [], [0.02]), floats('s3', [], [0.05])],
  ...['z1', 'z3'].map((name, i) => integers(name, [], T.UINT8, () => 128 - 18 * i)),
  integers('conv.weight_quantized', [4, 3, 3, 3], T.INT8, around),
  integers('conv.weight_odd', [4, 3, 3, 3], T.UINT8, (i) => around(i) + 127),
  integers('shifted', [4, 3, 3, 3], T.UINT8, (i) => (around(i) % 100) + 120),
  integers('conv.bias', [4], T.INT32, (i) => 900 * (i - 1)),
  floats('steps', [4], [0.001, 0.002, 0.0015, 0.0007]),
  integers('zeros', [4], T.INT8, () => 0),
  integers('zero', [], T.INT8, () => 0),
  integers('middle', [], T.UINT8, () => 120),
  floats('step', [], [0.002]),
  integers('fc', [6, 5], T.INT8, around),
  integers('fcT', [5, 6], T.INT8, around),
  integers('fcBias', [5], T.INT32, (i) => 500 * (i - 2)),
  floats('fcSteps', [5], [0.001, 0.002, 0.003, 0.002, 0.001]),
  integers('fcZeros', [5], T.INT8, () => 0),
  floats('shift', [5]),
];

/** A file of nodes between floats x and y, all its weights among those above or `more`. */
function fileOf(shape: readonly number[], nodes: readonly NodeProto[], more = weights): Uint8Array {
  const used = new Set(nodes.flatMap(({ input }) => input));
  const graph = { inputs: [value('x', shape)], outputs: ['y'], nodes };
  return file(
    { ...graph, weights: more.filter(({ name }) => used.has(name)) },
    { opset: 17, domains: { [domain]: 1 } },
  );
}

const image = [2, 3, 6, 6];
const [q1, q3] = [
  ['s1', 'z1'],
  ['s3', 'z3'],
];
const into = node('QuantizeLinear', ['x', ...q1], ['q']);
const out = node('DequantizeLinear', ['p', ...q3], ['y']);
const ms = (op: string, inputs: readonly string[], attributes = {}) =>
  node(op, inputs, ['p'], attributes, { domain });
const conv = ['conv.weight_quantized', 'steps', 'zeros'];

describe.skipIf(!ort)('operators on integers of 8 bits run on integers, and give the same', () => {
  it.each([
    ['QLinearConv', image, [into, node('QLinearConv', ['q', ...q1, ...conv, ...q3, 'conv.bias'], ['p'])], 1],
    [
      'QLinearConv, one scale',
      image,
      [into, node('QLinearConv', ['q', ...q1, 'shifted', 'step', 'middle', ...q3], ['p'])],
      1,
    ],
    [
      'QLinearMatMul',
      [4, 6],
      [into, node('QLinearMatMul', ['q', ...q1, 'fc', 'fcSteps', 'fcZeros', ...q3], ['p'])],
      1,
    ],
    [
      'QGemm',
      [4, 6],
      [into, ms('QGemm', ['q', ...q1, 'fcT', 'fcSteps', 'fcZeros', 'fcBias', ...q3], { transB: 1 })],
      1,
    ],
    ['QLinearAdd', image, [into, ms('QLinearAdd', ['q', ...q1, 'q', ...q1, ...q3])], 1],
    ['QLinearMul', image, [into, ms('QLinearMul', ['q', ...q1, 'q', ...q1, ...q3])], 1],
    ['QLinearConcat', image, [into, ms('QLinearConcat', [...q3, 'q', ...q1, 'q', ...q1], { axis: 1 })], 1],
    [
      'QLinearLeakyRelu',
      image,
      [into, ms('QLinearLeakyRelu', ['q', ...q1, ...q3], { alpha: { float: 0.1 } })],
      1,
    ],
    [
      'QLinearAveragePool',
      image,
      [into, ms('QLinearAveragePool', ['q', ...q1, ...q3], { kernel_shape: [2, 2] })],
      1,
    ],
    ['QLinearGlobalAveragePool', image, [into, ms('QLinearGlobalAveragePool', ['q', ...q1, ...q3])], 1],
    // What has no integer form of these scales runs in float.
    ['QLinearSigmoid', image, [into, ms('QLinearSigmoid', ['q', ...q1, ...q3])], 0],
    ['QLinearSoftmax', [4, 6], [into, ms('QLinearSoftmax', ['q', ...q1, ...q3], { axis: 1, opset: 13 })], 0],
    [
      'QLinearConv, weights beyond int8',
      image,
      [into, node('QLinearConv', ['q', ...q1, 'conv.weight_odd', 'step', 'z3', ...q3], ['p'])],
      0,
    ],
  ] as const)('%s', async (_, shape, nodes, inIntegers) => {
    const bytes = fileOf(shape, [...nodes, out]);
    const x = randn([...shape]);
    const [want] = await run(bytes, [x]);
    const model = await importOnnx<Tensor>(bytes);
    const y = noGrad(() => model.call(x));
    expect(y.shape).toEqual(want.dims);
    // Integers may differ by a step where they lie half-way.
    const got = y.dataSync();
    for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - want.data[i])).toBeLessThan(0.0501);
    const modules = model.children().map((module) => module.constructor.name);
    expect(modules.filter((name) => name === 'DeQuantize').length).toBe(inIntegers);
  });

  it('convolutions keep the names of their weights', async () => {
    const model = await importOnnx(
      fileOf(image, [
        into,
        node('QLinearConv', ['q', ...q1, ...conv, ...q3, 'conv.bias'], ['p'], {}, { name: 'n' }),
        out,
      ]),
    );
    expect(model.namedChildren().map(([name]) => name)).toContain('conv');
  });

  it.each([
    ['', [], []],
    [' before an activation', [node('Relu', ['p'], ['y'])], ['ReLU']],
    // It would change the scales that the file gives.
    [' before a factor', [node('Mul', ['p', 'fcSteps'], ['y'])], []],
  ] as const)(
    'a product of dynamically quantized floats%s is a layer that quantizes its input',
    async (_, more, layers) => {
      const bytes = fileOf(
        [4, 6],
        [
          node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
          node('MatMulInteger', ['q', 'fc', 'z', 'zero'], ['sums']),
          node('Cast', ['sums'], ['real'], { to: T.FLOAT }),
          node('Mul', ['s', 'fcSteps'], ['scale']),
          node('Mul', ['real', 'scale'], ['scaled']),
          node('Add', ['scaled', 'shift'], [more.length ? 'p' : 'y']),
          ...more,
        ],
      );
      const x = randn([4, 6]);
      const [want] = await run(bytes, [x]);
      const model = await importOnnx<Tensor>(bytes);
      expect(model.children().map((module) => module.constructor.name)).toEqual([
        'DynamicQuantizedLinear',
        ...layers,
      ]);
      const got = noGrad(() => model.call(x)).dataSync();
      for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(want.data[i], 5);
    },
  );

  // What onnxruntime's quantizer makes by default: uint8 weights whose zero point is where their range has it.
  it.each([
    ['one zero point', [119], [0.02]],
    ['one for each output', [119, 0, 255], [0.02, 0.01, 0.03]],
    ['one for each output and one scale', [119, 3, 120], [0.02]],
  ])('so is one by uint8 weights with %s', async (_, zeros, steps) => {
    const bytes = fileOf(
      [4, 6],
      [
        node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
        node('MatMulInteger', ['q', 'bytes', 'z', 'bytesZero'], ['sums']),
        node('Cast', ['sums'], ['real'], { to: T.FLOAT }),
        node('Mul', ['s', 'bytesSteps'], ['scale']),
        node('Mul', ['real', 'scale'], ['y']),
      ],
      [
        integers('bytes', [6, 3], T.UINT8, (i) => (i * 47) % 256),
        integers('bytesZero', zeros.length > 1 ? [3] : [], T.UINT8, (i) => zeros[i]),
        floats('bytesSteps', steps.length > 1 ? [3] : [], steps),
      ],
    );
    const x = randn([4, 6]);
    const [want] = await run(bytes, [x]);
    const model = await importOnnx<Tensor>(bytes);
    expect(model.children().map((module) => module.constructor.name)).toEqual(['DynamicQuantizedLinear']);
    const got = noGrad(() => model.call(x)).dataSync();
    for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(want.data[i], 4);
    const back = await importOnnx<Tensor>(await exportOnnx(model, x));
    expect(back.children().map((module) => module.constructor.name)).toEqual(['DynamicQuantizedLinear']);
    expect(Array.from(noGrad(() => back.call(x)).dataSync())).toEqual(Array.from(got));
  });
});
