/** ConvInteger behind DynamicQuantizeLinear, read as a convolution that quantizes its input at every call. */
import { create } from '@bufbuild/protobuf';
import { Conv2d, ReLU, Sequential } from '@octet/nn';
import { dynamic } from '@octet/quantization';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { exportOnnx, type GraphModule, importOnnx } from '../src';
import {
  type NodeProto,
  TensorProto_DataType as T,
  type TensorProto,
  TensorProtoSchema,
} from '../src/onnx.generated';
import { ort, run } from './engine';
import { file, floats, ints, node, value } from './files';

beforeEach(() => void manualSeed(3));

const integers = (name: string, dims: readonly number[], dataType: number, f: (i: number) => number) =>
  create(TensorProtoSchema, {
    ...{ name, dims: dims.map(BigInt), dataType },
    int32Data: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
  });
const mixed = (i: number) => ((i * 37) % 255) - 127;

type Attributes = Parameters<typeof node>[3];

interface Parts {
  readonly shape?: readonly number[];
  readonly weights?: readonly TensorProto[];
  readonly attributes?: Attributes;
  /** Of ConvInteger. */
  readonly inputs?: readonly string[];
  /** In the place of those of the same outputs. */
  readonly nodes?: readonly NodeProto[];
  readonly more?: readonly NodeProto[];
  readonly outputs?: readonly string[];
}

const image = [2, 3, 6, 5];
const kernel = integers('conv.weight', [4, 3, 3, 3], T.INT8, mixed);
const zeroOf = (z: number, type: number = T.INT8) => integers('zero', [], type, () => z);
const step = (dims: readonly number[] = [], name = 'step') =>
  floats(
    name,
    dims,
    [0.003, 0.002, 0.001, 0.004].slice(
      0,
      dims.reduce((a, b) => a * b, 1),
    ),
  );

/** A file as onnxruntime's quantize_dynamic writes one convolution. */
function written(parts: Parts = {}): Uint8Array {
  const { shape = image, attributes = {}, more = [], outputs = ['y'] } = parts;
  const rank = shape.length;
  const all = [
    node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
    node('Reshape', ['bias', 'around'], ['shift']),
    node('Mul', ['s', 'step'], ['scale']),
    node('ConvInteger', parts.inputs ?? ['q', 'conv.weight', 'z', 'zero'], ['sums'], attributes),
    node('Cast', ['sums'], ['real'], { to: T.FLOAT }),
    node('Mul', ['real', 'scale'], ['scaled']),
    node('Add', ['scaled', 'shift'], ['y']),
  ].map((n) => parts.nodes?.find((other) => other.output[0] === n.output[0]) ?? n);
  const around = ints('around', [1, -1, ...new Array<number>(rank - 2).fill(1)]);
  const given = parts.weights ?? [];
  const usual = [kernel, zeroOf(0), step(), floats('bias', [4]), around];
  const used = new Set([...all, ...(parts.nodes ?? []), ...more].flatMap(({ input }) => input));
  const weights = [...given, ...usual.filter(({ name }) => !given.some((w) => w.name === name))].filter(
    ({ name }) => used.has(name),
  );
  return file(
    {
      inputs: [value('x', ['n', shape[1], ...shape.slice(2).map((_, i) => `d${i}`)])],
      outputs,
      nodes: [...(parts.nodes ?? []).filter((n) => !all.includes(n)), ...all, ...more],
      weights,
    },
    { opset: 17 },
  );
}

const layersOf = (model: GraphModule) => model.children().map((module) => module.constructor.name);
const opsOf = (model: GraphModule<Tensor | Tensor[]>) => model.graph.nodes.map(({ op }) => op);

const cases: readonly (readonly [string, Parts])[] = [
  ['int8 weights', {}],
  ['int8 weights beside a zero point', { weights: [zeroOf(-9)] }],
  [
    'uint8 weights',
    {
      weights: [zeroOf(140, T.UINT8), integers('conv.weight', [4, 3, 3, 3], T.UINT8, (i) => mixed(i) + 127)],
    },
  ],
  [
    'uint8 weights without a zero point',
    {
      weights: [integers('conv.weight', [4, 3, 3, 3], T.UINT8, (i) => mixed(i) + 127)],
      inputs: ['q', 'conv.weight', 'z'],
    },
  ],
  ['a scale for each channel', { weights: [step([1, 4, 1, 1])] }],
  ['a scale for each channel, of fewer dims', { weights: [step([4, 1, 1])] }],
  [
    'strides, dilations and even pads',
    { attributes: { strides: [2, 1], dilations: [1, 2], pads: [1, 2, 1, 2] } },
  ],
  ['pads that are uneven', { attributes: { kernel_shape: [3, 3], pads: [0, 1, 2, 0] } }],
  ['auto_pad', { attributes: { strides: [2, 2], auto_pad: 'SAME_LOWER' } }],
  [
    'groups',
    {
      shape: [2, 4, 6, 5],
      attributes: { group: 2 },
      weights: [integers('conv.weight', [4, 2, 3, 3], T.INT8, mixed)],
    },
  ],
  [
    'rows',
    {
      shape: [2, 3, 9],
      attributes: { pads: [1, 0], strides: [2] },
      weights: [integers('conv.weight', [4, 3, 3], T.INT8, mixed), step([4, 1])],
    },
  ],
  ['factors the other way round', { nodes: [node('Mul', ['scale', 'real'], ['scaled'])] }],
];

describe.skipIf(!ort)("onnxruntime's dynamic convolutions are layers, and give its floats", () => {
  it.each(cases)('%s', async (_, parts) => {
    const layer = parts.shape?.length === 3 ? 'DynamicQuantizedConv1d' : 'DynamicQuantizedConv2d';
    const bytes = written(parts);
    const x = randn([...(parts.shape ?? image)]);
    const [want] = await run(bytes, [x]);
    const model = await importOnnx<Tensor>(bytes);
    expect(layersOf(model)).toEqual([layer]);
    expect(model.namedChildren().map(([name]) => name)).toEqual(['conv']);
    expect(opsOf(model).filter((op) => op !== 'pad')).toEqual(['Mul']);
    const got = noGrad(() => model.call(x));
    expect(got.shape).toEqual(want.dims);
    const data = got.dataSync();
    for (let i = 0; i < data.length; i++) expect(data[i]).toBeCloseTo(want.data[i], 5);
  });
});

/** What reads the sums as well. */
const second = { outputs: ['y', 'again'], more: [node('Cast', ['sums'], ['again'], { to: T.FLOAT })] };

/** The same with another reader of the sums, for which the nodes stay. */
async function asNodes(parts: Parts, x: Tensor): Promise<ArrayLike<number>> {
  const model = await importOnnx<Tensor[]>(written({ ...parts, ...second }));
  expect(opsOf(model)).toContain('ConvInteger');
  return noGrad(() => model.call(x))[0].dataSync();
}

describe('dynamic convolutions of a file', () => {
  it.each(cases)('give what the nodes give one by one: %s', async (_, parts) => {
    const x = randn([...(parts.shape ?? image)]);
    const model = await importOnnx<Tensor>(written(parts));
    const [got, want] = [noGrad(() => model.call(x)).dataSync(), await asNodes(parts, x)];
    for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(want[i], 5);
  });

  it('may have a zero point for each channel, which onnxruntime has not', async () => {
    const x = randn(image);
    const parts = { weights: [integers('zero', [4], T.INT8, (i) => 5 * i - 7), step([4, 1, 1])] };
    const model = await importOnnx<Tensor>(written(parts));
    expect(layersOf(model)).toEqual(['DynamicQuantizedConv2d']);
    const [got, want] = [noGrad(() => model.call(x)).dataSync(), await asNodes(parts, x)];
    for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(want[i], 5);
  });

  it.skipIf(!ort)('share their integers', async () => {
    const bytes = written({
      more: [
        node('ConvInteger', ['q', 'other', 'z'], ['sums2']),
        node('Cast', ['sums2'], ['real2'], { to: T.FLOAT }),
        node('Mul', ['real2', 'scale'], ['b']),
        node('Relu', ['y'], ['a']),
      ],
      weights: [integers('other', [2, 3, 1, 1], T.INT8, mixed)],
      outputs: ['a', 'b'],
    });
    const x = randn(image);
    const want = await run(bytes, [x]);
    const model = await importOnnx<Tensor[]>(bytes);
    expect(opsOf(model)).toEqual(['Mul', 'Mul', 'Relu']);
    const got = noGrad(() => model.call(x));
    for (const [i, { data }] of want.entries())
      for (const [k, v] of got[i].dataSync().entries()) expect(v).toBeCloseTo(data[k], 5);
  });

  it.skipIf(!ort)('stay dynamic with an activation or a factor behind them', async () => {
    const x = randn(image);
    for (const last of [node('Relu', ['y'], ['out']), node('Mul', ['y', 'twice'], ['out'])]) {
      const weights = last.opType === 'Mul' ? [floats('twice', [4, 1, 1], [2, 3, 4, 5])] : [];
      const bytes = written({ more: [last], outputs: ['out'], weights });
      const [{ data }] = await run(bytes, [x]);
      const model = await importOnnx<Tensor>(bytes);
      expect(layersOf(model)).toContain('DynamicQuantizedConv2d');
      expect(opsOf(model)).toEqual(['Mul', last.opType]);
      const got = noGrad(() => model.call(x)).dataSync();
      for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(data[i], 5);
    }
  });

  const another = node('DynamicQuantizeLinear', ['shifted'], ['q2', 's2', 'z2']);
  const shifted = node('Add', ['x', 'half'], ['shifted']);
  const half = floats('half', [], [0.5]);
  const kept: readonly (readonly [string, Parts])[] = [
    [
      'the zero point is that of other integers',
      {
        nodes: [shifted, another],
        weights: [half],
        inputs: ['q', 'conv.weight', 'z2', 'zero'],
      },
    ],
    [
      'the zero point is a constant',
      { weights: [integers('z0', [], T.UINT8, () => 7)], inputs: ['q', 'conv.weight', 'z0', 'zero'] },
    ],
    ['there is no zero point', { inputs: ['q', 'conv.weight'] }],
    [
      'the scale is that of other integers',
      { nodes: [shifted, another, node('Mul', ['s2', 'step'], ['scale'])], weights: [half] },
    ],
    [
      'the weight is no constant',
      {
        nodes: [
          node('Slice', ['x', 'from', 'to', 'axes'], ['part']),
          node('DynamicQuantizeLinear', ['part'], ['w', 's2', 'z2']),
        ],
        weights: [ints('from', [0, 0, 0]), ints('to', [1, 3, 3]), ints('axes', [0, 2, 3])],
        inputs: ['q', 'w', 'z', 'z2'],
        attributes: { kernel_shape: [3, 3] },
      },
    ],
    ['the sums are read twice', second],
    [
      'the floats of the sums are read twice',
      { outputs: ['y', 'more'], more: [node('Neg', ['real'], ['more'])] },
    ],
    // It goes along the last dim.
    ['the scale is not by the channel', { shape: [1, 3, 5, 6], weights: [step([4])] }],
    ['the scale has more dims', { weights: [step([1, 1, 1, 1, 1])] }],
    ['a scale is 0', { weights: [floats('step', [], [0])] }],
  ];
  it.each(kept)('stay nodes where %s', async (_, parts) => {
    const model = await importOnnx<Tensor>(written(parts));
    expect(opsOf(model)).toContain('ConvInteger');
    expect(layersOf(model)).toEqual([]);
    if (!ort) return;
    const x = randn([...(parts.shape ?? image)]);
    const [{ data }] = await run(written(parts), [x]);
    const out = noGrad(() => model.call(x) as Tensor | Tensor[]);
    const got = (Array.isArray(out) ? out[0] : out).dataSync();
    for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(data[i], 4);
  });

  it('are those that were written, with what stands between them', async () => {
    const make = (conv: Conv2d, zero: number) => {
      const scales = Array.from({ length: conv.outChannels }, (_, o) => 0.003 + 0.001 * o);
      const zeros = scales.map((_, o) => zero * o);
      return new dynamic.Conv2d(conv, conv.weight.detach().quantizePerChannel(scales, zeros, 0, 'qint8'));
    };
    const model = new Sequential(
      make(new Conv2d(3, 6, 3, { padding: 1 }), 0),
      new ReLU(),
      make(new Conv2d(6, 6, 3, { groups: 6, stride: 2 }), 2),
      make(new Conv2d(6, 4, 1, { bias: false }), -3),
    ).eval();
    const x = randn([2, 3, 9, 8]);
    const back = await importOnnx<Tensor>(await exportOnnx(model, x, { dynamicBatch: true }));
    const layer = 'DynamicQuantizedConv2d';
    expect(layersOf(back)).toEqual([layer, 'ReLU', layer, layer]);
    expect(back.graph.nodes.length).toBe(4);
    const y = noGrad(() => back.call(x));
    expect(y.dataSync()).toEqual(noGrad(() => model.call(x)).dataSync());
    // And as a file again.
    const again = await importOnnx<Tensor>(await exportOnnx(back, x));
    expect(noGrad(() => again.call(x)).dataSync()).toEqual(y.dataSync());
  });
});
