import {
  BatchNorm2d,
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  functional,
  GLU,
  GRU,
  GroupNorm,
  Hardswish,
  LayerNorm,
  LeakyReLU,
  Linear,
  LSTM,
  Module,
  MultiheadAttention,
  PReLU,
  ReLU,
  Sequential,
} from '@octet/nn';
import {
  convert,
  DeQuantStub,
  defaultDynamicQConfig,
  dynamic,
  FloatFunctional,
  getDefaultDynamicQConfig,
  getDefaultQatQConfig,
  getDefaultQConfigMapping,
  quantized as int8,
  perChannelDynamicQConfig,
  prepare,
  prepareQat,
  type QEngine,
  QuantStub,
  quantizeDynamic,
} from '@octet/quantization';
import { cat, interpolate, manualSeed, noGrad, quantizedTensor, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ExportOnnxOptions, exportOnnx, importOnnx } from '../src';
import { TensorProto_DataType } from '../src/onnx.generated';
import { compare, compareTo, forward, ort, parse, run, stepsApart } from './engine';
import { digitsNet, mobileNet, type Net, quantized, seedNet, trained } from './models';

beforeEach(() => void manualSeed(11));

const engines: QEngine[] = ['qnnpack', 'onednn', 'x86'];

/** One operation between two stubs. */
class Between extends Module {
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  readonly arithmetic = new FloatFunctional();
  readonly parts: Sequential;

  constructor(
    private readonly f: (x: Tensor, model: Between) => Tensor,
    ...parts: Module[]
  ) {
    super();
    this.parts = new Sequential(...parts);
  }

  forward(x: Tensor): Tensor {
    return this.dequant.call(this.f(this.quant.call(x), this));
  }
}

/** Runs both; the output is a multiple of the scale that went into the last DeQuantStub. */
async function apart(model: Between | Net, x: Tensor, options?: ExportOnnxOptions) {
  let scale = Number.NaN;
  const handle = model.dequant.registerForwardPreHook((_module, [t]) => {
    if (t.qparams?.scheme === 'perTensor') scale = t.qparams.scale;
  });
  const [{ want, got }] = await compare(model, [x], options);
  handle.remove();
  return stepsApart(want, got, scale);
}

const conv = (...[nIn, nOut, kernel, options]: ConstructorParameters<typeof Conv2d>) => ({
  make: () => new Between((x, { parts }) => parts.call(x), new Conv2d(nIn, nOut, kernel, options)),
  shape: [2, nIn, 13, 11],
});
const simple = (f: (x: Tensor, model: Between) => Tensor, shape = [2, 8, 13, 11]) => ({
  make: () => new Between(f),
  shape,
});
const joined = (f: (a: Tensor, b: Tensor, model: Between) => Tensor) => ({
  make: () => new Between((x, m) => f(x, m.parts.call(x), m), new Conv2d(8, 8, 1)),
  shape: [2, 8, 13, 11],
});

/** The layer with weights of 1e-9 but in its first row, and a large bias. */
function dead<L extends Conv2d | Linear>(layer: L): L {
  noGrad(() => {
    const { weight, bias } = layer;
    weight.copy_(cat([weight.slice(0, 0, 1), weight.slice(0, 1).mul(1e-9)]));
    bias?.copy_(bias.mul(100));
  });
  return layer;
}

interface Int8Case {
  make: () => Between;
  shape: number[];
  /** How many may differ, by one: averages of 2 and 4 integers often lie half-way between two. */
  share?: number;
}

const cases: Record<string, Int8Case> = {
  quantize: simple((x) => x),
  conv2d: conv(3, 8, 3, { padding: 1 }),
  'conv2d 1 × 1 without bias': conv(8, 16, 1, { bias: false }),
  'conv2d, uneven and grouped': conv(4, 6, [3, 2], {
    stride: [2, 1],
    padding: [0, 1],
    dilation: [1, 2],
    groups: 2,
  }),
  'conv2d, depthwise': conv(6, 6, 5, { padding: 2, stride: 2, groups: 6 }),
  'conv2d, with a dead channel whose bias asks for a coarser scale': {
    make: () => new Between((x, { parts }) => parts.call(x), dead(new Conv2d(3, 8, 3))),
    shape: [2, 3, 13, 11],
  },
  'conv1d of rows': {
    make: () => new Between((x, { parts }) => parts.call(x), new Conv1d(4, 8, 3, { padding: 1, groups: 2 })),
    shape: [5, 4, 31],
  },
  convTranspose2d: {
    make: () =>
      new Between(
        (x, { parts }) => parts.call(x),
        new ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
      ),
    shape: [2, 4, 7, 6],
  },
  convTranspose1d: {
    make: () => new Between((x, { parts }) => parts.call(x), new ConvTranspose1d(4, 6, 2, { stride: 2 })),
    shape: [5, 4, 11],
  },
  'conv2d padded by its mirror image': conv(3, 4, 3, { padding: [1, 2], paddingMode: 'reflect' }),
  'conv2d padded by its edges': conv(3, 4, 3, { padding: [1, 2], paddingMode: 'replicate' }),
  'conv2d padded by its other end': conv(3, 4, [3, 2], { padding: 'same', paddingMode: 'circular' }),
  'conv1d padded by its mirror image': {
    make: () =>
      new Between(
        (x, { parts }) => parts.call(x),
        new Conv1d(4, 8, 4, { padding: 'same', paddingMode: 'reflect' }),
      ),
    shape: [5, 4, 31],
  },
  'adaptiveMaxPool2d of unequal windows': simple((x) => functional.adaptiveMaxPool2d(x, [3, 4])),
  'adaptiveMaxPool2d to 1': simple((x) => functional.adaptiveMaxPool2d(x, 1)),
  'mean over dims': { ...simple((x) => x.mean([2, 3])), share: 0.1 },
  glu: { make: () => new Between((x, { parts }) => parts.call(x), new GLU(1)), shape: [2, 8, 5] },
  'interpolate nearest': simple((x) => interpolate(x, { scaleFactor: 2 }), [2, 5, 7, 6]),
  'interpolate bilinear': {
    ...simple((x) => interpolate(x, { size: [9, 11], mode: 'bilinear' }), [2, 5, 7, 6]),
    share: 0.1,
  },
  maxPool1d: simple((x) => x.maxPool1d(3, { stride: 2, padding: 1 }), [5, 4, 31]),
  avgPool1d: simple((x) => x.avgPool1d(3, { stride: 2, padding: 1 }), [5, 4, 31]),
  adaptiveAvgPool1d: simple((x) => x.adaptiveAvgPool1d(3), [5, 4, 27]),
  'linear, with a dead row whose bias asks for a coarser scale': {
    make: () => new Between((x, { parts }) => parts.call(x), dead(new Linear(9, 20))),
    shape: [30, 9],
  },
  linear: { make: () => new Between((x, { parts }) => parts.call(x), new Linear(9, 20)), shape: [30, 9] },
  'linear over three dims': {
    make: () => new Between((x, { parts }) => parts.call(x), new Linear(9, 20, { bias: false })),
    shape: [3, 5, 9],
  },
  add: joined((a, b, m) => m.arithmetic.add(a, b)),
  'add and relu': joined((a, b, m) => m.arithmetic.addRelu(a, b)),
  mul: joined((a, b, m) => m.arithmetic.mul(a, b)),
  'add a row': joined((a, b, m) => m.arithmetic.add(a, b.slice(2, 4, 5))),
  'add a number of the batch to each': joined((a, b, m) =>
    m.arithmetic.add(a.slice(2, 0, 1).slice(1, 0, 1), b),
  ),
  'both repeated': joined((a, b, m) => m.arithmetic.add(a.slice(2, 0, 1), b.slice(3, 0, 1))),
  'mul by a gate': simple((x, m) => m.arithmetic.mul(x, x.adaptiveAvgPool2d(1).sigmoid()), [2, 8, 13, 11]),
  'mul by a number of the sample': joined((a, b, m) =>
    m.arithmetic.mul(a, b.slice(1, 0, 1).slice(2, 0, 1).slice(3, 0, 1)),
  ),
  cat: joined((a, b, m) => m.arithmetic.cat([a, b, a], 1)),
  'cat along the batch': joined((a, b, m) => m.arithmetic.cat([a, b], 0)),
  'add a number': simple((x, m) => m.arithmetic.addScalar(x, 0.7)),
  'add a large number': simple((x, m) => m.arithmetic.addScalar(x, 17)),
  'multiply by a number': simple((x, m) => m.arithmetic.mulScalar(x, 1.7)),
  'multiply by a negative number': simple((x, m) => m.arithmetic.mulScalar(x, -1.7)),
  'multiply by 0': simple((x, m) => m.arithmetic.mulScalar(x, 0)),
  relu: simple((x) => x.relu()),
  relu6: simple((x) => x.relu6()),
  clamp: simple((x) => x.clamp(-0.5, 0.8)),
  sigmoid: simple((x) => x.sigmoid()),
  tanh: simple((x) => x.tanh()),
  hardswish: { make: () => new Between((x, { parts }) => parts.call(x), new Hardswish()), shape: [2, 40] },
  leakyRelu: { make: () => new Between((x, { parts }) => parts.call(x), new LeakyReLU(0.2)), shape: [2, 40] },
  maxPool2d: simple((x) => x.maxPool2d(3, { stride: 2, padding: 1 })),
  'avgPool2d, odd': simple((x) => x.avgPool2d(3, { stride: 2, padding: 1 })),
  'avgPool2d, even': { ...simple((x) => x.avgPool2d(2, { padding: 1, countIncludePad: false })), share: 0.5 },
  'adaptiveAvgPool2d to 1': { ...simple((x) => x.adaptiveAvgPool2d(1), [20, 40, 5, 5]) },
  'batch normalisation alone': {
    make: () => new Between((x, { parts }) => parts.call(x), trained(new BatchNorm2d(5))),
    shape: [3, 5, 9, 7],
  },
  'prelu of channels': {
    make: () => new Between((x, { parts }) => parts.call(x), trained(new PReLU(5))),
    shape: [3, 5, 9, 7],
  },
  'prelu of one': {
    make: () => new Between((x, { parts }) => parts.call(x), trained(new PReLU())),
    shape: [3, 5, 9, 7],
  },
  groupNorm: {
    make: () => new Between((x, { parts }) => parts.call(x), trained(new GroupNorm(2, 6))),
    shape: [3, 6, 5, 4],
  },
  layerNorm: {
    make: () => new Between((x, { parts }) => parts.call(x), trained(new LayerNorm([20]))),
    shape: [30, 20],
  },
  softmax: simple((x) => x.softmax(-1), [30, 20]),
  hardsigmoid: simple((x) => x.hardsigmoid(), [30, 20]),
  matmul: simple((x, m) => m.arithmetic.matmul(x, x.transpose(-1, -2)), [20, 30]),
  'matmul of batches': simple((x, m) => m.arithmetic.matmul(x, x.transpose(-1, -2)), [3, 4, 20, 30]),
  'mean of images': simple((x) => x.mean([2, 3]), [20, 40, 5, 5]),
  'mean of images, dims kept': simple((x) => x.mean([2, 3], true), [20, 40, 5, 1]),
  'mean of channels': simple((x) => x.mean(1, true), [20, 5, 5, 1]),
  'mean of rows': simple((x) => x.mean(-1), [20, 9]),
  'adaptiveAvgPool2d to a divisor': { ...simple((x) => x.adaptiveAvgPool2d([3, 1]), [20, 40, 9, 5]) },
  'flatten and reshape': simple((x) => x.flatten(1).reshape([2, -1, 4])),
  pad: simple((x) => x.pad([1, 0, 0, 2], 0.5)),
  'slice, transpose': simple((x) => x.slice(1, 2, 7, 2).transpose(1, 3)),
};

describe.runIf(ort)('int8 operations in onnxruntime', () => {
  for (const engine of engines) {
    describe(engine, () => {
      for (const [name, { make, shape, share: allowed = 0.01 }] of Object.entries(cases)) {
        test(name, async () => {
          const x = randn(shape);
          const { share, most } = await apart(await quantized(make().eval(), engine, x), x);
          expect(most).toBeLessThanOrEqual(1);
          expect(share).toBeLessThanOrEqual(allowed);
        });
      }
    });
  }

  // Fixed point here, float there: they part where the sum lies near the middle between two integers.
  test('add, over all pairs of integers and many scales', async () => {
    const pairs = Array.from({ length: 65536 }, (_, i) => i);
    const zeroPoints = [120, 7, 100];
    let differing = 0;
    for (let k = 0; k < 10; k++) {
      const scales = [0.013, 0.021, 0.03].map((s, i) => s * (1 + ((k * (i + 2)) % 7) / 5));
      const [a, b, y] = scales.map((scale, i) => ({ scale, zeroPoint: zeroPoints[i] }));
      class Sum extends Module<[Tensor, Tensor]> {
        forward(left: Tensor, right: Tensor): Tensor {
          const qa = left.quantizePerTensor(a.scale, a.zeroPoint, 'quint8');
          const qb = right.quantizePerTensor(b.scale, b.zeroPoint, 'quint8');
          return int8.functional.add(qa, qb, y).dequantize();
        }
      }
      const floats = (integers: number[], q: { scale: number; zeroPoint: number }) =>
        quantizedTensor(integers, [256, 256], 'quint8', { scheme: 'perTensor', ...q }).dequantize();
      const inputs = [
        floats(
          pairs.map((i) => i >> 8),
          a,
        ),
        floats(
          pairs.map((i) => i & 255),
          b,
        ),
      ];
      const [{ want, got }] = await compare(new Sum().eval(), inputs);
      const { share, most } = stepsApart(want, got, y.scale);
      expect(most).toBeLessThanOrEqual(1);
      differing += share / 10;
    }
    expect(differing).toBeLessThan(0.01);
  });
});

describe.runIf(ort)('int8 networks in onnxruntime', () => {
  const networks = { seedNet, digitsNet, mobileNet, 'mobileNet, hardswish': () => mobileNet('hardswish') };
  // An odd number of cells in the global pools: averages of an even number are tested above.
  const sizes = [
    [1, 17, 19],
    [3, 20, 12],
  ];
  for (const engine of engines) {
    for (const [name, make] of Object.entries(networks)) {
      for (const [n, h, w] of sizes) {
        test(`${name}, ${engine}, [${n}, ${h}, ${w}]`, async () => {
          const shape = [n, name === 'digitsNet' ? 1 : 3, h, w];
          const model = await quantized(trained(make()), engine, randn([4, ...shape.slice(1)]));
          const { share, most } = await apart(model, randn(shape));
          expect(most).toBeLessThanOrEqual(1);
          expect(share).toBeLessThanOrEqual(0.01);
        });
      }
    }
  }

  test('a model trained with fake quantization', async () => {
    const model = trained(seedNet()).train();
    model.fuseModel();
    model.qconfig = getDefaultQatQConfig('qnnpack');
    const prepared = prepareQat(model);
    noGrad(() => prepared.call(randn([4, 3, 12, 12])));
    const converted = await convert(prepared.eval());
    const { share, most } = await apart(converted, randn([2, 3, 9, 10]));
    expect(most).toBeLessThanOrEqual(1);
    expect(share).toBeLessThanOrEqual(0.01);
  });

  for (const opset of [14, 19, 21, 22]) {
    test(`opset ${opset}`, async () => {
      const model = await quantized(trained(mobileNet('hardswish')), 'x86', randn([4, 3, 17, 19]));
      const { share, most } = await apart(model, randn([2, 3, 17, 19]), { opset });
      expect(most).toBeLessThanOrEqual(1);
      expect(share).toBeLessThanOrEqual(0.01);
    });
  }

  test('integers as outputs, for a model without a DeQuantStub', async () => {
    class Head extends Module {
      readonly quant = new QuantStub();
      readonly linear = new Linear(5, 4);

      forward(x: Tensor): Tensor {
        return this.linear.call(this.quant.call(x));
      }
    }
    const x = randn([6, 5]);
    const model = await quantized(new Head().eval(), 'qnnpack', x);
    const [{ difference, got }] = await compare(model, [x]);
    expect(got).toBeInstanceOf(Uint8Array);
    expect(difference).toBe(0);
  });
});

describe.runIf(ort)('dynamic int8 in onnxruntime', () => {
  const close = 1e-5;

  for (const qconfig of [undefined, perChannelDynamicQConfig]) {
    test(`linear layers, weights per ${qconfig ? 'channel' : 'tensor'}`, async () => {
      const mlp = new Sequential(new Linear(20, 30), new ReLU(), new Linear(30, 6, { bias: false })).eval();
      const model = await quantizeDynamic(mlp, qconfig ? { qconfig } : {});
      expect(model[0]).toBeInstanceOf(dynamic.Linear);
      for (const shape of [
        [7, 20],
        [2, 3, 20],
      ]) {
        const [{ difference }] = await compare(model, [randn(shape)]);
        expect(difference).toBeLessThan(close);
      }
    });
  }

  test('a linear layer with inputs of 7 bits is written with 8', async () => {
    const float = new Sequential(new Linear(20, 6)).eval();
    const x = randn([7, 20]);
    const model = await quantizeDynamic(float, { qconfig: getDefaultDynamicQConfig('x86') });
    const bytes = await exportOnnx(model, x);
    const eight = await quantizeDynamic(float, { qconfig: defaultDynamicQConfig });
    expect(bytes).toEqual(await exportOnnx(eight, x));
    const [{ want, got }] = await compareTo(bytes, model, [x]);
    expect(got).not.toEqual(want);
    // Both round every input, each by half of its own step at most.
    const values = x.dataSync();
    const range = Math.max(0, ...values) - Math.min(0, ...values);
    const rounding = (range / 127 + range / 255) / 2;
    const { weight } = model[0] as unknown as Linear;
    const weights = weight.dequantize().abs().sum(1).dataSync();
    for (let i = 0; i < want.length; i++) {
      expect(Math.abs(want[i] - got[i])).toBeLessThan(rounding * weights[i % 6] + close);
    }
  });

  test.each([
    { Layer: LSTM, op: 'DynamicQuantizeLSTM', options: {}, most: 1e-5 },
    { Layer: LSTM, op: 'DynamicQuantizeLSTM', options: { numLayers: 2, bidirectional: true }, most: 1e-5 },
    // Its products are of floats: they miss what rounding the state takes.
    { Layer: GRU, op: 'GRU', options: {}, most: 0.02 },
    { Layer: GRU, op: 'GRU', options: { bias: false, batchFirst: true }, most: 0.02 },
  ])('$op with $options: a node for each layer and direction', async ({ Layer, op, options, most }) => {
    const model = await quantizeDynamic(new Sequential(new Linear(6, 6)).eval());
    const layer = new Layer(6, 5, options).eval();
    class Wrapped extends Module<[Tensor], Tensor[]> {
      readonly layer = layer;
      readonly head = model;

      forward(x: Tensor): Tensor[] {
        const [y, state] = this.layer.call(this.head.call(x)) as [Tensor, Tensor | [Tensor, Tensor]];
        return [y, ...[state].flat()];
      }
    }
    const converted = await quantizeDynamic(new Wrapped().eval());
    const x = randn([4, 2, 6]);
    const bytes = await exportOnnx(converted, x);
    // More where a machine without VNNI saturates.
    for (const { difference } of await compareTo(bytes, converted, [x], { precise: false }))
      expect(difference).toBeLessThan(most);
    const { graph } = parse(bytes);
    const ways = layer.numLayers * (layer.bidirectional ? 2 : 1);
    expect(graph.node.filter(({ opType }) => opType === op)).toHaveLength(ways);
    const weights = graph.initializer.filter(
      (t) => t.dims.length > 1 && t.dataType === TensorProto_DataType.INT8,
    );
    expect(weights.filter((t) => t.name.startsWith('layer.weight_'))).toHaveLength(2 * ways);
    // In Octet they are read as they were written.
    const back = await importOnnx<Tensor[]>(bytes);
    const [want, got] = [converted, back].map((m) => forward(m, [x]).map((t) => t.dataSync()));
    for (const [i, values] of want.entries())
      for (const [k, v] of values.entries()) expect(Math.abs(v - got[i][k])).toBeLessThan(0.02);
  });
});

describe('static recurrent layers and attention: the products and sums of each step', () => {
  class Whole extends Module {
    readonly quant = new QuantStub();

    constructor(readonly layer: LSTM | MultiheadAttention) {
      super();
    }

    forward(x: Tensor): Tensor {
      const q = this.quant.call(x);
      const { layer } = this;
      const [y] = layer instanceof MultiheadAttention ? layer.call(q, q, q) : layer.call(q);
      return y.dequantize();
    }
  }

  test.each([
    ['LSTM', new LSTM(4, 5, { numLayers: 2, bidirectional: true })],
    ['MultiheadAttention', new MultiheadAttention(4, 2, { addBiasKv: true })],
  ] as const)('%s', async (_, layer) => {
    const x = randn([3, 2, 4]);
    const prepared = prepare(new Whole(layer as LSTM).eval(), getDefaultQConfigMapping());
    noGrad(() => prepared.call(x));
    const model = await convert(prepared);
    const bytes = await exportOnnx(model, x);
    const ops = parse(bytes).graph.node.map(({ opType }) => opType);
    expect(ops).toContain('QuantizeLinear');
    const [want] = forward(model, [x]);
    const [got] = forward(await importOnnx(bytes), [x]);
    expect(stepsApart(want.dataSync(), got.dataSync(), 0.002).most).toBe(0);
    if (!ort) return;
    // The steps share their weights.
    const [result] = await run(bytes, [x], { precise: false });
    expect(stepsApart(want.dataSync(), result.data, 0.01).most).toBeLessThanOrEqual(2);
  });
});
