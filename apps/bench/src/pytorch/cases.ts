import {
  type AnyModule,
  functional as F,
  GRU,
  Linear,
  LSTM,
  type Module,
  MultiheadAttention,
  TransformerEncoderLayer,
} from '@octet/nn';
import { convert, getDefaultQConfigMapping, prepare, quantizeDynamic, quantized } from '@octet/quantization';
import {
  cat,
  Generator,
  noGrad,
  quantizedTensor,
  quantizePerTensor,
  randint,
  randn,
  type Tensor,
  tensor,
} from '@octet/tensor';
import {
  bertTiny,
  efficientnetB0,
  m5,
  mobilenetV3Small,
  resnet18,
  shufflenetV2x10,
  squeezenet11,
} from '@octet/vision';

/** A call by dtype: `int8` is static, `dynamic` of floats with int8 weights, `int8 weights` and `int4 weights` of weights alone. */
export type Case = { readonly [D in Dtype]?: () => Tensor };
export const dtypes = ['float32', 'int8', 'dynamic', 'int8 weights', 'int4 weights'] as const;
export type Dtype = (typeof dtypes)[number];

/** Kinds of layers at usual shapes, by name. `scripts/pytorch-layers.py` has the same of PyTorch, under the same names. */
export function layerCases(): Record<string, () => Case | Promise<Case>> {
  const g = new Generator(1);
  const q = quantized.functional;
  const output = { scale: 0.03, zeroPoint: 120 };
  const floats = (...shape: number[]) => {
    const x = randn(shape, { generator: g });
    return shape.length === 4 ? x.contiguous({ memoryFormat: 'channelsLast' }) : x;
  };
  const ints = (...shape: number[]) => {
    const data = Array.from(randint(0, 256, shape, { generator: g }).dataSync());
    const x = quantizedTensor(data, shape, 'quint8', { scheme: 'perTensor', scale: 0.02, zeroPoint: 110 });
    return shape.length === 4 ? x.contiguous({ memoryFormat: 'channelsLast' }) : x;
  };
  const numbers = (n: number) => Float32Array.from({ length: n }, () => g.normal());
  const statistics = (c: number) => ({
    weight: numbers(c),
    bias: numbers(c),
    mean: numbers(c),
    variance: numbers(c).map((v) => v * v + 0.1),
    eps: 1e-5,
  });
  const weight = (...shape: number[]) => {
    const float = floats(...shape);
    return { float, int8: quantizePerTensor(float, 0.03, 0, 'qint8') };
  };
  const packed = (w: Tensor, bias?: Tensor, transposed?: number) =>
    new q.PackedWeight('layer', w, bias, undefined, transposed);

  /** One function of floats and of integers alike. */
  const both = (f: (x: Tensor) => Tensor, ...shape: number[]): Case => {
    const [x, i] = [floats(...shape), ints(...shape)];
    return { float32: () => f(x), int8: () => f(i) };
  };
  const image = [1, 64, 56, 56];
  const activation = (float: (x: Tensor) => Tensor, int8: (x: Tensor) => Tensor): Case => {
    const [x, i] = [floats(...image), ints(...image)];
    return { float32: () => float(x), int8: () => int8(i) };
  };
  const conv1d = (): Case => {
    const [w, b, x, i] = [weight(64, 64, 3), randn([64]), floats(8, 64, 256), ints(8, 64, 256)];
    const p = packed(w.int8, b);
    return {
      float32: () => F.conv1d(x, w.float, b, { padding: 1 }),
      int8: () => q.conv1d(i, p, { padding: 1, ...output }),
    };
  };
  const convTranspose1d = (): Case => {
    const [w, b, x, i] = [weight(64, 32, 4), randn([32]), floats(8, 64, 256), ints(8, 64, 256)];
    const p = packed(w.int8, b, 1);
    const options = { stride: 2, padding: 1 };
    return {
      float32: () => F.convTranspose1d(x, w.float, b, options),
      int8: () => q.convTranspose1d(i, p, { ...options, ...output }),
    };
  };
  const convTranspose2d = (kernel: number, padding: number): Case => {
    const [w, b] = [weight(64, 32, kernel, kernel), randn([32])];
    const [x, i, p] = [floats(1, 64, 28, 28), ints(1, 64, 28, 28), packed(w.int8, b, 1)];
    const options = { stride: 2, padding };
    return {
      float32: () => F.convTranspose2d(x, w.float, b, options),
      int8: () => q.convTranspose2d(i, p, { ...options, ...output }),
    };
  };
  const batchNorm = (shape: number[], bounds?: [number, number]): Case => {
    const [x, i, s] = [floats(...shape), ints(...shape), statistics(shape[1])];
    const float = {
      weight: tensor(s.weight),
      bias: tensor(s.bias),
      runningMean: tensor(s.mean),
      runningVar: tensor(s.variance),
    };
    const norm = () => F.batchNorm(x, float);
    return {
      float32: bounds ? () => F.relu(norm()) : norm,
      int8: () => q.batchNorm(i, s, output, bounds),
    };
  };
  const affine = (c: number): [Tensor, Tensor] => [floats(c), floats(c)];
  const layerNorm = (shape: number[]): Case => {
    const c = shape[shape.length - 1];
    const [[w, b], x, i] = [affine(c), floats(...shape), ints(...shape)];
    return {
      float32: () => F.layerNorm(x, [c], w, b),
      int8: () => q.layerNorm(i, [c], w, b, 1e-5, output),
    };
  };
  const groupNorm = (groups: number): Case => {
    const [[w, b], x, i] = [affine(64), floats(...image), ints(...image)];
    return {
      float32: () =>
        groups === 64 ? F.instanceNorm(x, { weight: w, bias: b }) : F.groupNorm(x, groups, w, b),
      int8: () => q.groupNorm(i, groups, w, b, 1e-5, output),
    };
  };
  const pair = (
    a: number[],
    b: number[],
    float: (a: Tensor, b: Tensor) => Tensor,
    int8: (a: Tensor, b: Tensor) => Tensor,
  ): Case => {
    const [x, y, i, j] = [floats(...a), floats(...b), ints(...a), ints(...b)];
    return { float32: () => float(x, y), int8: () => int8(i, j) };
  };
  const add = (a: number[], b: number[]) =>
    pair(
      a,
      b,
      (x, y) => x.add(y),
      (x, y) => q.add(x, y, output),
    );
  const mul = (a: number[], b: number[]) =>
    pair(
      a,
      b,
      (x, y) => x.mul(y),
      (x, y) => q.mul(x, y, output),
    );
  const matmul = (a: number[], b: number[]) =>
    pair(
      a,
      b,
      (x, y) => x.matmul(y),
      (x, y) => q.matmul(x, y, output),
    );
  const prelu = (): Case => {
    const slopes = numbers(64);
    const t = tensor(slopes);
    return activation(
      (x) => F.prelu(x, t),
      (x) => q.prelu(x, slopes, output),
    );
  };

  const embedding = async (): Promise<Case> => {
    const [table, index] = [
      randn([10000, 256], { generator: g }),
      randint(0, 10000, [128], { generator: g }),
    ];
    const rows = { symmetric: false };
    const eight = await q.quantizeGroups('embedding', table, { ...rows, bits: 8 });
    const four = await q.quantizeGroups('embedding', table, { ...rows, bits: 4 });
    return {
      float32: () => F.embedding(index, table),
      'int8 weights': () => q.embedding(index, eight),
      'int4 weights': () => q.embedding(index, four),
    };
  };
  const linear = async (rows: number, k: number, n: number): Promise<Case> => {
    const [x, i, w] = [floats(rows, k), ints(rows, k), weight(n, k)];
    const p = packed(w.int8);
    const dynamic = await quantizeDynamic(new Linear(k, n));
    const eight = await q.quantizeGroups('linear', w.float, { bits: 8 });
    const four = await q.quantizeGroups('linear', w.float, { bits: 4, groupSize: 128 });
    return {
      float32: () => F.linear(x, w.float),
      int8: () => q.linear(i, p, output),
      dynamic: () => dynamic.call(x) as Tensor,
      'int8 weights': () => q.weightOnlyLinear(x, eight),
      'int4 weights': () => q.weightOnlyLinear(x, four),
    };
  };
  /** A layer in float, and quantized dynamically. */
  const layer = async (module: AnyModule, ...inputs: Tensor[]): Promise<Case> => {
    const float = module.eval() as AnyModule;
    const dynamic = (await quantizeDynamic(float)) as AnyModule;
    const first = (y: unknown) => (Array.isArray(y) ? y[0] : y) as Tensor;
    return {
      float32: () => first(float.call(...inputs)),
      dynamic: () => first(dynamic.call(...inputs)),
    };
  };
  const sequence = () => floats(98, 1, 64);

  /** A model in float, fused, and in static int8. */
  const model = async (float: Module & { fuseModel(): void }, x: Tensor): Promise<Case> => {
    float.eval().fuseModel();
    const prepared = prepare(float, getDefaultQConfigMapping('qnnpack'));
    noGrad(() => prepared.call(x));
    const int8 = await convert(prepared);
    return { float32: () => float.call(x) as Tensor, int8: () => int8.call(x) as Tensor };
  };
  const photo = () => floats(1, 3, 224, 224);

  return {
    'conv1d 3 [8,64,256]': conv1d,
    'convTranspose1d 4, stride 2 [8,64,256]': convTranspose1d,
    'convTranspose2d 4 × 4, stride 2 [1,64,28,28]': () => convTranspose2d(4, 1),
    'convTranspose2d 2 × 2, stride 2 [1,64,28,28]': () => convTranspose2d(2, 0),
    'interpolate nearest × 2 [1,32,64,64]': () =>
      both((x) => F.interpolate(x, { scaleFactor: 2 }), 1, 32, 64, 64),
    'interpolate bilinear × 2 [1,32,64,64]': () =>
      both((x) => F.interpolate(x, { scaleFactor: 2, mode: 'bilinear' }), 1, 32, 64, 64),
    'pad constant [1,64,56,56]': () => both((x) => F.pad(x, [1, 1, 1, 1]), ...image),
    'pad reflect [1,64,56,56]': () => both((x) => F.pad(x, [1, 1, 1, 1], { mode: 'reflect' }), ...image),
    'pad replicate [1,64,56,56]': () => both((x) => F.pad(x, [1, 1, 1, 1], { mode: 'replicate' }), ...image),
    'pad circular [1,64,56,56]': () => both((x) => F.pad(x, [1, 1, 1, 1], { mode: 'circular' }), ...image),
    'maxPool1d 4 [8,64,1024]': () => both((x) => F.maxPool1d(x, 4), 8, 64, 1024),
    'maxPool2d 3, stride 2 [1,64,112,112]': () =>
      both((x) => F.maxPool2d(x, 3, { stride: 2, padding: 1 }), 1, 64, 112, 112),
    'maxPool2d 3, stride 2, ceil [1,64,111,111]': () =>
      both((x) => F.maxPool2d(x, 3, { stride: 2, ceilMode: true }), 1, 64, 111, 111),
    'avgPool2d 3, stride 2 [1,64,56,56]': () => both((x) => F.avgPool2d(x, 3, { stride: 2 }), ...image),
    'adaptiveAvgPool2d 7 [1,256,14,14]': () => both((x) => F.adaptiveAvgPool2d(x, 7), 1, 256, 14, 14),
    'adaptiveAvgPool2d 1 [1,576,7,7]': () => both((x) => F.adaptiveAvgPool2d(x, 1), 1, 576, 7, 7),
    'relu [1,64,56,56]': () => both((x) => F.relu(x), ...image),
    'relu6 [1,64,56,56]': () => both((x) => F.relu6(x), ...image),
    'leakyRelu [1,64,56,56]': () =>
      activation(
        (x) => F.leakyRelu(x, 0.1),
        (x) => q.leakyRelu(x, 0.1, output),
      ),
    'sigmoid [1,64,56,56]': () => both((x) => F.sigmoid(x), ...image),
    'tanh [1,64,56,56]': () => both((x) => F.tanh(x), ...image),
    'hardsigmoid [1,64,56,56]': () => both((x) => F.hardsigmoid(x), ...image),
    'hardswish [1,64,56,56]': () =>
      activation(
        (x) => F.hardswish(x),
        (x) => q.hardswish(x, output),
      ),
    'elu [1,64,56,56]': () =>
      activation(
        (x) => F.elu(x),
        (x) => q.activation('elu', x, { alpha: 1 }, output),
      ),
    'celu [1,64,56,56]': () =>
      activation(
        (x) => F.celu(x, 1.5),
        (x) => q.activation('celu', x, { alpha: 1.5 }, output),
      ),
    'selu [1,64,56,56]': () =>
      activation(
        (x) => F.selu(x),
        (x) => q.activation('selu', x, {}, output),
      ),
    'gelu [1,64,56,56]': () =>
      activation(
        (x) => F.gelu(x),
        (x) => q.activation('gelu', x, {}, output),
      ),
    'silu [1,64,56,56]': () =>
      activation(
        (x) => F.silu(x),
        (x) => q.activation('silu', x, {}, output),
      ),
    'mish [1,64,56,56]': () =>
      activation(
        (x) => F.mish(x),
        (x) => q.activation('mish', x, {}, output),
      ),
    'softplus [1,64,56,56]': () =>
      activation(
        (x) => F.softplus(x),
        (x) => q.activation('softplus', x, { beta: 1, threshold: 20 }, output),
      ),
    'softsign [1,64,56,56]': () =>
      activation(
        (x) => F.softsign(x),
        (x) => q.activation('softsign', x, {}, output),
      ),
    'prelu [1,64,56,56]': prelu,
    'softmax [128,256]': () => both((x) => F.softmax(x, -1), 128, 256),
    'softmax [512,64]': () => both((x) => F.softmax(x, -1), 512, 64),
    'softmax [1,1000]': () => both((x) => F.softmax(x, -1), 1, 1000),
    'batchNorm2d [1,64,56,56]': () => batchNorm(image),
    'batchNorm2d [1,256,14,14]': () => batchNorm([1, 256, 14, 14]),
    'batchNorm2d, relu [1,64,56,56]': () => batchNorm(image, [0, Number.POSITIVE_INFINITY]),
    'layerNorm [128,256]': () => layerNorm([128, 256]),
    'layerNorm [128,64]': () => layerNorm([128, 64]),
    'groupNorm 8 [1,64,56,56]': () => groupNorm(8),
    'instanceNorm [1,64,56,56]': () => groupNorm(64),
    'add [1,64,56,56]': () => add(image, image),
    'add [1,96,14,14]': () => add([1, 96, 14, 14], [1, 96, 14, 14]),
    'add a channel each [1,64,56,56]': () => add(image, [1, 64, 1, 1]),
    'mul [1,64,56,56]': () => mul(image, image),
    'mul by a gate [1,64,56,56]': () => mul(image, [1, 64, 1, 1]),
    'mean [2, 3] [1,64,56,56]': () => both((x) => x.mean([2, 3]), ...image),
    'mean -1 [128,256]': () => both((x) => x.mean([-1]), 128, 256),
    'cat of channels [1,64,56,56] × 2': () =>
      pair(
        image,
        image,
        (x, y) => cat([x, y], 1),
        (x, y) => q.cat([x, y], 1, output),
      ),
    'matmul [4,128,64] · [4,64,128]': () => matmul([1, 4, 128, 64], [1, 4, 64, 128]),
    'matmul [4,128,128] · [4,128,64]': () => matmul([1, 4, 128, 128], [1, 4, 128, 64]),
    'embedding [10000,256], 128 rows': embedding,
    'linear [1,1024] → 1024': () => linear(1, 1024, 1024),
    'linear [128,256] → 256': () => linear(128, 256, 256),
    'LSTM 64, 2 layers [98,1,64]': () => layer(new LSTM(64, 64, { numLayers: 2 }), sequence()),
    'GRU 64, 2 layers [98,1,64]': () => layer(new GRU(64, 64, { numLayers: 2 }), sequence()),
    'MultiheadAttention 256, 4 heads [1,128,256]': () =>
      layer(
        new MultiheadAttention(256, 4, { batchFirst: true }),
        ...Array<Tensor>(3).fill(floats(1, 128, 256)),
      ),
    'TransformerEncoderLayer 256, 4 heads [1,128,256]': () =>
      layer(
        new TransformerEncoderLayer(256, 4, { dimFeedforward: 1024, batchFirst: true }),
        floats(1, 128, 256),
      ),
    'MobileNetV3-small [1,3,224,224]': () => model(mobilenetV3Small(), photo()),
    'ShuffleNetV2 1.0 [1,3,224,224]': () => model(shufflenetV2x10(), photo()),
    'EfficientNet-B0 [1,3,224,224]': () => model(efficientnetB0(), photo()),
    'SqueezeNet 1.1 [1,3,224,224]': () => model(squeezenet11(), photo()),
    'ResNet-18 [1,3,224,224]': () => model(resnet18(), photo()),
    'M5 [1,1,8000]': () => model(m5(), floats(1, 1, 8000)),
    'BERT tiny [1,128]': () => layer(bertTiny() as AnyModule, randint(0, 30522, [1, 128], { generator: g })),
  };
}
