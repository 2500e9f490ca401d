import { createHash } from 'node:crypto';
import { FreedError } from '@octet/backend';
import * as nn from '@octet/nn';
import { type AnyModule, Module } from '@octet/nn';
import * as graph from '@octet/nn/graph';
import * as quantization from '@octet/quantization';
import {
  convert,
  fuse,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  leaveInFloat,
  prepare,
  prepareQat,
  type QConfigMapping,
  QuantWrapper,
  quantizeDynamic,
} from '@octet/quantization';
import { add, kernel, noGrad, quantizePerTensor, randn, relu, scope, Tensor, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import * as vision from '../src';

/** Every class that says it is pure, of the three packages with layers. */
function pureClasses(): Map<object, string> {
  const found = new Map<object, string>();
  const walk = (space: object, path: string, depth: number) => {
    for (const [name, value] of Object.entries(space)) {
      if (typeof value === 'function' && value.prototype instanceof Module) {
        if (Object.hasOwn(value, 'pure')) found.set(value, `${path}${name}`);
      } else if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < 2)
        walk(value, `${path}${name}.`, depth + 1);
    }
  };
  walk(nn, 'nn.', 0);
  walk(graph, 'nn/graph.', 0);
  walk(quantization, 'quantization.', 0);
  walk(vision, 'vision.', 0);
  return found;
}

const layers = () => [
  new nn.Conv2d(3, 4, 3, { padding: 1 }),
  new nn.BatchNorm2d(4),
  new nn.ConvTranspose2d(4, 4, 2, { stride: 2 }),
  new nn.ReLU(),
  new nn.ReLU6(),
  new nn.Hardtanh(),
  new nn.Hardswish(),
  new nn.LeakyReLU(),
  new nn.ELU(),
  new nn.Softplus(),
  new nn.Mish(),
  new nn.SiLU(),
  new nn.CELU(),
  new nn.SELU(),
  new nn.Softsign(),
  new nn.LogSigmoid(),
  new nn.Hardshrink(),
  new nn.Softshrink(),
  new nn.Tanhshrink(),
  new nn.Threshold(-1, 0),
  new nn.GELU(),
  new nn.GELU({ approximate: 'tanh' }),
  new nn.Hardsigmoid(),
  new nn.Sigmoid(),
  new nn.Tanh(),
  new nn.ChannelShuffle(2),
  new nn.PixelShuffle(2),
  new nn.PixelUnshuffle(2),
  new nn.ReflectionPad2d(1),
  new nn.Upsample({ scaleFactor: 2 }),
  new nn.Upsample({ scaleFactor: 0.5, mode: 'bilinear' }),
  new nn.MaxPool2d(2),
  new nn.AvgPool2d(2),
  new nn.AdaptiveMaxPool2d([2, 3]),
  new nn.AdaptiveAvgPool2d(1),
  new nn.Identity(),
  new nn.Dropout(0.5),
  new nn.Flatten(),
  new nn.Linear(4, 4),
];

const inFloat = () =>
  new nn.Sequential(
    ...layers(),
    new nn.RReLU(),
    new nn.RMSNorm([4]),
    new nn.PReLU(),
    new nn.GLU(0),
    new nn.LayerNorm([4]),
    new nn.Softmax(1),
    new nn.LogSoftmax(1),
    new nn.Softmin(1),
    new nn.Unflatten(1, [2, -1]),
  );

/** In int8 where PyTorch has it: batch normalisation is fused. */
const inInt8 = () => {
  const [conv, bn, ...rest] = layers();
  const { ReLU, Conv2d, Linear, Sequential } = nn;
  const model = new QuantWrapper(
    new Sequential(
      new Sequential(new Conv2d(3, 3, 1), new nn.BatchNorm2d(3), new ReLU()),
      new Sequential(new Conv2d(3, 3, 1), new ReLU()),
      new Conv2d(3, 3, 1),
      new Sequential(conv, bn),
      ...rest,
      new Sequential(new Linear(4, 4), new ReLU()),
      new Sequential(new nn.GELU(), new nn.Hardsigmoid()),
      new Linear(4, 2),
    ),
  );
  return model;
};

/** Fused, with an island of float, and the recipe that leaves it so. */
function mixed(model: ReturnType<typeof inInt8>, mapping: QConfigMapping) {
  const fused = fuse(model);
  const island = [...fused.module].findIndex((m) => m instanceof nn.Sequential && m.at(0) instanceof nn.GELU);
  return leaveInFloat(fused, [`module.${island}`], mapping);
}

const prepared = () => {
  const { model, mapping } = mixed(inInt8().eval(), getDefaultQConfigMapping());
  return prepare(model, mapping);
};

const ofRows = () => {
  const { AdaptiveAvgPool1d, AvgPool1d, BatchNorm1d, Conv1d, MaxPool1d, ReLU, Sequential } = nn;
  return new QuantWrapper(
    new Sequential(
      new Sequential(new Conv1d(3, 4, 3), new BatchNorm1d(4), new ReLU()),
      new Sequential(new Conv1d(4, 4, 3, { padding: 1 }), new ReLU()),
      new Sequential(new Conv1d(4, 4, 1), new BatchNorm1d(4)),
      new Conv1d(4, 4, 3, { groups: 2 }),
      new nn.ConvTranspose1d(4, 4, 2, { stride: 2 }),
      new MaxPool1d(2),
      new AvgPool1d(2),
      new nn.AdaptiveMaxPool1d(3),
      new AdaptiveAvgPool1d(2),
    ),
  );
};

const row = () => [randn([2, 3, 20])];

const image = () => [randn([2, 3, 8, 8])];
const observers = () =>
  new nn.Sequential(
    new quantization.MinMaxObserver(),
    new quantization.PerChannelMinMaxObserver({ dtype: 'qint8' }),
    new quantization.MovingAverageMinMaxObserver(),
    new quantization.HistogramObserver(),
    new quantization.RecordingObserver(),
    new quantization.NoopObserver(),
    new quantization.FixedQParamsObserver({ scale: 0.1, zeroPoint: 0 }),
    new quantization.FakeQuantize(),
    new quantization.LearnableFakeQuantize(),
  );

/** In int8, too. */
const norms = () =>
  new QuantWrapper(
    new nn.Sequential(
      new nn.Sequential(new nn.BatchNorm2d(3), new nn.ReLU()),
      new nn.Sequential(new nn.ReLU6(), new nn.BatchNorm2d(3)),
      new nn.PReLU(3),
      new nn.Sequential(new nn.GLU(3), new nn.Upsample({ size: [8, 8] })),
      new nn.GroupNorm(1, 3),
      new nn.InstanceNorm2d(3),
      new nn.LayerNorm([8, 8]),
      new nn.Flatten(2),
      new nn.InstanceNorm1d(3),
      new nn.Sequential(new nn.ReLU6(), new nn.BatchNorm1d(3)),
      new nn.Flatten(1),
      new nn.Softmax(1),
      new nn.Sequential(new nn.Linear(192, 3), new nn.BatchNorm1d(3)),
      new nn.Sequential(new nn.Linear(3, 3), new nn.BatchNorm1d(3), new nn.ReLU()),
    ),
  );

/** x + relu(conv(x)) + shift, where the layer stands under a name with a dot and the rest are functions. */
const graphModule = () => {
  const sum: graph.GraphFunction = ([a, b]) => add(a as Tensor, b as Tensor);
  const node = (name: string, inputs: number[], output: number, target: string | graph.GraphFunction) => ({
    ...{ name, op: name, inputs, outputs: [output], target },
  });
  return new graph.GraphModule(
    new graph.Graph({
      inputs: [{ name: 'x', slot: 0 }],
      outputs: [{ name: 'y', slot: 5 }],
      nodes: [
        node('conv', [0], 1, 'block.conv'),
        node('relu', [1], 2, ([x]) => relu(x as Tensor)),
        node('add', [0, 2], 3, sum),
        node('shifted', [3, 4], 5, sum),
      ],
      constants: new Map(),
      buffers: new Map([[4, 'shift']]),
      names: new Map(),
    }),
    new Map([['block.conv', new nn.Conv2d(3, 3, 1)]]),
    new Map([['shift', tensor([0.5])]]),
  );
};

const models: Record<string, () => Promise<[AnyModule, () => unknown[]]>> = {
  float: async () => [inFloat().eval(), image],
  norms: async () => [
    new nn.Sequential(
      new nn.GroupNorm(1, 3),
      new nn.InstanceNorm2d(3, { affine: true, trackRunningStats: true }),
      new nn.LocalResponseNorm(2),
      new nn.Flatten(2),
      new nn.InstanceNorm1d(3),
    ).eval(),
    image,
  ],
  'norms, prepared': async () => [prepare(fuse(norms().eval()), getDefaultQConfigMapping()), image],
  'norms, int8': async () => {
    const calibrated = prepare(fuse(norms().eval()), getDefaultQConfigMapping());
    noGrad(() => calibrated.call(randn([2, 3, 8, 8])));
    return [await convert(calibrated), image];
  },
  'norms, qat': async () => [prepareQat(fuse(norms().train()), getDefaultQatQConfigMapping()), image],
  graph: async () => [graphModule().eval(), image],
  embedding: async () => [new nn.Embedding(5, 3), () => [tensor([1, 4, 0], { dtype: 'int32' })]],
  transformer: async () => [
    new nn.Transformer({
      ...{ dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 8 },
      dropout: 0,
    }).eval(),
    () => [randn([5, 2, 8]), randn([3, 2, 8])],
  ],
  'dynamic attention': async () => [
    await quantizeDynamic(
      new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 8 }), 1).eval(),
    ),
    () => [randn([5, 2, 8])],
  ],
  'weights of few bits': async () => [
    await quantization.quantize_(
      new nn.Sequential(new nn.Linear(8, 4), new nn.Linear(4, 3)).eval(),
      quantization.int4WeightOnly({ groupSize: 4 }),
    ),
    () => [randn([2, 8])],
  ],
  'weights alone in int8': async () => [
    await quantization.quantized.WeightOnly.fromFloat(new nn.Conv2d(2, 3, 1), async (weight) =>
      quantizePerTensor(weight, 0.01, 0, 'qint8'),
    ),
    () => [randn([1, 2, 3, 3])],
  ],
  'an embedding of few bits': async () => [
    await quantization.quantize_(
      new nn.Sequential(new nn.Embedding(5, 3)),
      quantization.floatQparamsWeightOnlyQconfig4bit,
    ),
    () => [tensor([1, 4, 0], { dtype: 'int32' })],
  ],
  'bags of embeddings': async () => [
    new nn.EmbeddingBag(5, 3),
    () => [tensor([[1, 4, 0]], { dtype: 'int32' })],
  ],
  bert: async () => [
    new vision.BertModel({ vocabSize: 9, hiddenSize: 8, intermediateSize: 8, numHiddenLayers: 1 }).eval(),
    () => [tensor([[1, 4, 0]], { dtype: 'int32' })],
  ],
  'rotary embedding': async () => [new nn.RotaryEmbedding(4), () => [randn([1, 2, 3, 4])]],
  'plain 2d': async () => [new nn.Sequential(new nn.Dropout2d(), new nn.Softmax2d()).eval(), image],
  'plain 1d': async () => [new nn.Dropout1d().eval(), () => [randn([2, 3, 4])]],
  rnn: async () => [new nn.RNN(3, 4, { numLayers: 2 }), () => [randn([5, 2, 3])]],
  'rnn cell': async () => [new nn.RNNCell(3, 4), () => [randn([2, 3])]],
  'dynamic cell': async () => [
    await quantizeDynamic(new nn.Sequential(new nn.LSTMCell(3, 4) as never)),
    () => [randn([2, 3])],
  ],
  unpooling: async () => [
    new nn.MaxUnpool2d(2),
    () => [randn([1, 1, 1, 2]), tensor([[[[1, 6]]]], { dtype: 'int32' })],
  ],
  'unpooling of rows': async () => [
    new nn.MaxUnpool1d(2),
    () => [randn([1, 1, 2]), tensor([[[1, 2]]], { dtype: 'int32' })],
  ],
  bilinear: async () => [new nn.Bilinear(2, 3, 4), () => [randn([5, 2]), randn([5, 3])]],
  'dropout for SELU': async () => [
    new nn.Sequential(new nn.AlphaDropout(), new nn.FeatureAlphaDropout()).eval(),
    image,
  ],
  'projected lstm': async () => [new nn.LSTM(3, 4, { projSize: 2 }), () => [randn([5, 2, 3])]],
  lstm: async () => [new nn.LSTM(3, 4), () => [randn([5, 2, 3])]],
  'prepared lstm': async () => [
    prepare(new nn.LSTM(3, 4, { bidirectional: true }).eval() as AnyModule, getDefaultQConfigMapping()),
    () => [randn([5, 2, 3])],
  ],
  'prepared attention': async () => [
    prepare(new nn.MultiheadAttention(8, 2).eval() as AnyModule, getDefaultQConfigMapping()),
    () => [randn([5, 2, 8])],
  ],
  'int8 attention': async () => {
    const attention: AnyModule = new nn.MultiheadAttention(8, 2, { addBiasKv: true }).eval();
    const calibrated = prepare(attention, getDefaultQConfigMapping());
    noGrad(() => calibrated.call(randn([5, 2, 8])));
    return [await convert(calibrated), () => [quantizePerTensor(randn([5, 2, 8]), 0.05, 128, 'quint8')]];
  },
  'int8 lstm': async () => {
    const calibrated = prepare(
      new nn.LSTM(3, 4, { numLayers: 2 }).eval() as AnyModule,
      getDefaultQConfigMapping(),
    );
    noGrad(() => calibrated.call(randn([5, 2, 3])));
    return [await convert(calibrated), () => [quantizePerTensor(randn([5, 2, 3]), 0.05, 128, 'quint8')]];
  },
  'dynamic lstm': async () => [
    await quantizeDynamic(new nn.Sequential(new nn.LSTM(3, 4) as never)),
    () => [randn([5, 2, 3])],
  ],
  dynamic: async () => [await quantizeDynamic(new nn.Sequential(new nn.Linear(3, 4))), () => [randn([2, 3])]],
  'dynamic conv1d': async () => [
    new quantization.dynamic.Conv1d(
      new nn.Conv1d(2, 3, 2),
      quantizePerTensor(randn([3, 2, 2]), 0.01, 0, 'qint8'),
    ),
    () => [randn([1, 2, 5])],
  ],
  'dynamic conv2d': async () => [
    new quantization.dynamic.Conv2d(
      new nn.Conv2d(2, 3, 2),
      quantizePerTensor(randn([3, 2, 2, 2]), 0.01, 0, 'qint8'),
    ),
    () => [randn([1, 2, 5, 5])],
  ],
  'average with a scale': async () => [
    new quantization.intrinsic.AveragePool(new nn.AvgPool2d(2)).eval(),
    image,
  ],
  'average of integers': async () => [
    new quantization.quantized.AveragePool(new nn.AvgPool2d(2), { scale: 0.01, zeroPoint: 128 }),
    () => [quantizePerTensor(randn([2, 3, 8, 8]), 0.02, 120, 'quint8')],
  ],
  observers: async () => [observers(), image],
  prepared: async () => [prepared(), image],
  int8: async () => {
    const calibrated = prepared();
    noGrad(() => calibrated.call(randn([2, 3, 8, 8])));
    return [await convert(calibrated), image];
  },
  qat: async () => {
    const { model, mapping } = mixed(inInt8().train(), getDefaultQatQConfigMapping());
    return [prepareQat(model, mapping), image];
  },
  'float, of rows': async () => [ofRows().eval(), row],
  'prepared, of rows': async () => [prepare(fuse(ofRows().eval()), getDefaultQConfigMapping()), row],
  'int8, of rows': async () => {
    const calibrated = prepare(fuse(ofRows().eval()), getDefaultQConfigMapping());
    noGrad(() => calibrated.call(randn([2, 3, 20])));
    return [await convert(calibrated), row];
  },
  'qat, of rows': async () => [prepareQat(fuse(ofRows().train()), getDefaultQatQConfigMapping()), row],
  'int8 digits': async () => {
    const model = new vision.DigitClassifier({ width: 0.25 }).eval();
    model.fuseModel();
    const calibrated = prepare(model, getDefaultQConfigMapping());
    noGrad(() => calibrated.call(randn([1, 1, 28, 28])));
    return [await convert(calibrated), () => [randn([1, 1, 28, 28])]];
  },
  digits: async () => [new vision.DigitClassifier().eval(), () => [randn([1, 1, 28, 28])]],
  model: async () => [
    new vision.TutorialNet([
      [3, 4, 1, 2],
      [4, 4, 1, 2],
    ]).eval(),
    image,
  ],
  mobilenet: async () => [
    new vision.MobileNetV2({ widthMult: 0.1, numClasses: 3 }).eval(),
    () => [randn([1, 3, 32, 32])],
  ],
  resnet: async () => [
    new vision.ResNet({ layers: [1, 1, 1, 1], numClasses: 3 }).eval(),
    () => [randn([1, 3, 32, 32])],
  ],
  bottleneck: async () => [new vision.Bottleneck(3, 2).eval(), image],
  shufflenet: async () => [
    new vision.ShuffleNetV2({ stages: [2, 1, 1], channels: [8, 16, 24, 32, 40], numClasses: 3 }).eval(),
    () => [randn([1, 3, 32, 32])],
  ],
  'mobilenet v3': async () => [
    new vision.MobileNetV3({ widthMult: 0.1, numClasses: 3 }).eval(),
    () => [randn([1, 3, 32, 32])],
  ],
  squeezenet: async () => [
    new vision.SqueezeNet({ version: '1.1', numClasses: 3 }).eval(),
    () => [randn([1, 3, 36, 36])],
  ],
  m5: async () => [new vision.M5({ width: 4, numClasses: 3 }).eval(), () => [randn([1, 1, 8000])]],
  unet: async () => [new vision.UNet({ width: 2 }).eval(), () => [randn([1, 3, 16, 16])]],
  efficientnet: async () => [
    new vision.EfficientNet({ widthMult: 0.1, depthMult: 0.5, numClasses: 3 }).eval(),
    () => [randn([1, 3, 32, 32])],
  ],
  'inverted residual': async () => [new vision.InvertedResidual(3, 3, 1, 2).eval(), image],
};

interface Seen {
  readonly module: AnyModule;
  readonly args: unknown[];
}

/** What each module of a model is given in one run. */
function argumentsOf(model: AnyModule, args: unknown[]): Seen[] {
  const seen: Seen[] = [];
  for (const module of model.modules())
    module.registerForwardPreHook(
      (m: AnyModule, given: unknown[]) => void seen.push({ module: m, args: given }),
    );
  noGrad(() => model.call(...args));
  return seen;
}

function copies(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copies);
  return value instanceof Tensor ? kernel.withStrides(value.detach(), value.strides).detach().clone() : value;
}

/** Of more numbers than anybody reads their digest, which is compared in no time. */
function numbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(numbers);
  if (!(value instanceof Tensor)) return typeof value;
  const data = value.dataSync();
  if (data.length < 1000) return Array.from(data);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}

const covered = new Set<object>();

/** Runs a copy of the module on tensors that are freed, with all that it allocates; it must go on as one that wasn't so treated. */
function checkKeepsNothing(module: AnyModule, args: readonly unknown[]): void {
  const [used, fresh] = [module.clone(), module.clone()];
  noGrad(() => {
    const given = copies(args) as unknown[];
    // Frees what it returns too.
    scope(() => void used.forward(...(scope(() => copies(given)) as unknown[])));
    fresh.forward(...given);
    const [a, b] = [used, fresh].map((m) => {
      const again = m.forward(...(copies(args) as unknown[]));
      return [numbers(again), Object.values(m.stateDict()).map(numbers)];
    });
    const random = module.modules().some((m) => m instanceof nn.Dropout && m.training);
    if (!random) expect(a, module.constructor.name).toEqual(b);
  });
}

function hasIntegers(module: AnyModule): boolean {
  return module instanceof nn.Conv2d && module.weight.qparams !== undefined;
}

test('one that keeps its input is found out', () => {
  class Keeps extends Module {
    static readonly pure = true;
    private last: Tensor | undefined;

    forward(x: Tensor): Tensor {
      const y = this.last ? this.last.add(x) : x.add(x);
      this.last = x;
      return y;
    }
  }
  expect(() => checkKeepsNothing(new Keeps(), [randn([3])])).toThrow(FreedError);
});

describe.each(Object.entries(models))('%s', { timeout: 180_000 }, (_, make) => {
  test('keeps nothing that it was given, gave, or allocated', async () => {
    const [model, input] = await make();
    for (const { module, args } of argumentsOf(model.clone(), input())) {
      // FusedIdentity wants the module before it to have run; a sequence of them is covered by the whole.
      if (module instanceof quantization.intrinsic.FusedIdentity) continue;
      // The layer in WeightOnly has its weights in calls of that alone.
      if (hasIntegers(module)) continue;
      checkKeepsNothing(module, args);
    }
    for (const module of model.modules()) {
      let owner: object = Object.getPrototypeOf(module);
      while (!Object.hasOwn(owner, 'forward')) owner = Object.getPrototypeOf(owner);
      covered.add(owner.constructor);
    }
  });
});

test('every pure class was looked at', () => {
  const missing = [...pureClasses()].flatMap(([type, name]) => (covered.has(type) ? [] : [name]));
  expect(missing).toEqual([]);
});
