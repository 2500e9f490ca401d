import { type Backend, type Kernels, MissingKernelError } from '@octet/backend';
import { createHostBackend, type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import * as nn from '@octet/nn';
import { type AnyModule, Module, ModuleList, Sequential } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import {
  convert,
  DeQuantStub,
  floatQparamsWeightOnlyQconfig,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  moduleRules,
  prepare,
  prepareQat,
  QuantStub,
  quantize_,
  quantizeDynamic,
} from '@octet/quantization';
import { fromData, noGrad, randn, type Tensor, withBackend } from '@octet/tensor';
import { expect, test } from 'vitest';
// Names of kernels alone: no GPU is asked for.
import { makeKernels } from '../../../packages/backend-webgpu/src/kernels';

// Writes docs/layers.md: what each layer has is found by running it.

const byName: Readonly<Record<string, unknown>> = nn;

type Example = () => readonly [module: AnyModule, ...inputs: Tensor[]];

const row = () => randn([2, 4, 8]);
const image = () => randn([2, 4, 6, 6]);
const ints = (values: number[], shape = [values.length]) => fromData(Int32Array.from(values), shape);
const of =
  (x: () => Tensor, make: () => AnyModule): Example =>
  () => [make(), x()];
const attention = { dModel: 8, nhead: 2 } as const;
const sequence = () => randn([3, 2, 8]);

/** Each layer, and what it is called with. */
const examples: Readonly<Record<string, Example>> = {
  Conv1d: of(row, () => new nn.Conv1d(4, 6, 3, { padding: 1 })),
  Conv2d: of(image, () => new nn.Conv2d(4, 6, 3, { padding: 1 })),
  ConvTranspose1d: of(row, () => new nn.ConvTranspose1d(4, 6, 2, { stride: 2 })),
  ConvTranspose2d: of(image, () => new nn.ConvTranspose2d(4, 6, 2, { stride: 2 })),
  Linear: () => [new nn.Linear(4, 3), randn([2, 4])],
  Bilinear: () => [new nn.Bilinear(4, 3, 2), randn([2, 4]), randn([2, 3])],
  Embedding: () => [new nn.Embedding(5, 4), ints([1, 4, 0])],
  EmbeddingBag: () => [new nn.EmbeddingBag(5, 4), ints([1, 4, 0, 2], [2, 2])],

  RNN: () => [new nn.RNN(4, 3), randn([3, 2, 4])],
  LSTM: () => [new nn.LSTM(4, 3), randn([3, 2, 4])],
  GRU: () => [new nn.GRU(4, 3), randn([3, 2, 4])],
  RNNCell: () => [new nn.RNNCell(4, 3), randn([2, 4])],
  LSTMCell: () => [new nn.LSTMCell(4, 3), randn([2, 4])],
  GRUCell: () => [new nn.GRUCell(4, 3), randn([2, 4])],

  MultiheadAttention: () => [new nn.MultiheadAttention(8, 2), sequence(), sequence(), sequence()],
  TransformerEncoderLayer: () => [new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 8 }), sequence()],
  TransformerDecoderLayer: () => [
    new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 8 }),
    sequence(),
    sequence(),
  ],
  TransformerEncoder: () => [
    new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 8 }), 1),
    sequence(),
  ],
  TransformerDecoder: () => [
    new nn.TransformerDecoder(new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 8 }), 1),
    sequence(),
    sequence(),
  ],
  Transformer: () => [
    new nn.Transformer({ ...attention, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 8 }),
    sequence(),
    sequence(),
  ],
  RotaryEmbedding: () => [new nn.RotaryEmbedding(4), randn([1, 2, 3, 4])],

  BatchNorm1d: of(row, () => new nn.BatchNorm1d(4)),
  BatchNorm2d: of(image, () => new nn.BatchNorm2d(4)),
  InstanceNorm1d: of(row, () => new nn.InstanceNorm1d(4)),
  InstanceNorm2d: of(image, () => new nn.InstanceNorm2d(4)),
  GroupNorm: of(image, () => new nn.GroupNorm(2, 4)),
  LayerNorm: of(row, () => new nn.LayerNorm([8])),
  RMSNorm: of(row, () => new nn.RMSNorm([8])),
  LocalResponseNorm: of(image, () => new nn.LocalResponseNorm(2)),

  MaxPool1d: of(row, () => new nn.MaxPool1d(2)),
  MaxPool2d: of(image, () => new nn.MaxPool2d(2)),
  AvgPool1d: of(row, () => new nn.AvgPool1d(2)),
  AvgPool2d: of(image, () => new nn.AvgPool2d(2)),
  AdaptiveMaxPool1d: of(row, () => new nn.AdaptiveMaxPool1d(3)),
  AdaptiveMaxPool2d: of(image, () => new nn.AdaptiveMaxPool2d(1)),
  AdaptiveAvgPool1d: of(row, () => new nn.AdaptiveAvgPool1d(1)),
  AdaptiveAvgPool2d: of(image, () => new nn.AdaptiveAvgPool2d(1)),
  MaxUnpool1d: () => [new nn.MaxUnpool1d(2), randn([1, 1, 2]), ints([1, 2], [1, 1, 2])],
  MaxUnpool2d: () => [new nn.MaxUnpool2d(2), randn([1, 1, 1, 2]), ints([1, 6], [1, 1, 1, 2])],

  ...Object.fromEntries(
    (['ConstantPad', 'ZeroPad', 'ReflectionPad', 'ReplicationPad', 'CircularPad'] as const).flatMap((kind) =>
      (['1d', '2d'] as const).map((dims) => {
        const type = byName[`${kind}${dims}`] as new (pad: number, value?: number) => Module;
        return [
          `${kind}${dims}`,
          of(dims === '1d' ? row : image, () => (kind === 'ConstantPad' ? new type(1, 0) : new type(1))),
        ];
      }),
    ),
  ),
  Upsample: of(image, () => new nn.Upsample({ scaleFactor: 2 })),
  UpsamplingNearest2d: of(image, () => new nn.UpsamplingNearest2d({ scaleFactor: 2 })),
  UpsamplingBilinear2d: of(image, () => new nn.UpsamplingBilinear2d({ scaleFactor: 2 })),
  PixelShuffle: of(image, () => new nn.PixelShuffle(2)),
  PixelUnshuffle: of(image, () => new nn.PixelUnshuffle(2)),
  ChannelShuffle: of(image, () => new nn.ChannelShuffle(2)),
  Flatten: of(image, () => new nn.Flatten()),
  Unflatten: of(image, () => new nn.Unflatten(1, [2, 2])),
  Identity: of(row, () => new nn.Identity()),

  ReLU: of(row, () => new nn.ReLU()),
  ReLU6: of(row, () => new nn.ReLU6()),
  LeakyReLU: of(row, () => new nn.LeakyReLU()),
  PReLU: of(row, () => new nn.PReLU()),
  RReLU: of(row, () => new nn.RReLU()),
  ELU: of(row, () => new nn.ELU()),
  CELU: of(row, () => new nn.CELU()),
  SELU: of(row, () => new nn.SELU()),
  GELU: of(row, () => new nn.GELU()),
  SiLU: of(row, () => new nn.SiLU()),
  Mish: of(row, () => new nn.Mish()),
  Hardswish: of(row, () => new nn.Hardswish()),
  Hardsigmoid: of(row, () => new nn.Hardsigmoid()),
  Hardtanh: of(row, () => new nn.Hardtanh()),
  Hardshrink: of(row, () => new nn.Hardshrink()),
  Softshrink: of(row, () => new nn.Softshrink()),
  Tanhshrink: of(row, () => new nn.Tanhshrink()),
  Softplus: of(row, () => new nn.Softplus()),
  Softsign: of(row, () => new nn.Softsign()),
  Sigmoid: of(row, () => new nn.Sigmoid()),
  LogSigmoid: of(row, () => new nn.LogSigmoid()),
  Tanh: of(row, () => new nn.Tanh()),
  Threshold: of(row, () => new nn.Threshold(0, 0)),
  GLU: of(row, () => new nn.GLU()),
  Softmax: of(row, () => new nn.Softmax(1)),
  Softmax2d: of(image, () => new nn.Softmax2d()),
  Softmin: of(row, () => new nn.Softmin(1)),
  LogSoftmax: of(row, () => new nn.LogSoftmax(1)),
  Dropout: of(row, () => new nn.Dropout()),
  Dropout1d: of(row, () => new nn.Dropout1d()),
  Dropout2d: of(image, () => new nn.Dropout2d()),
  AlphaDropout: of(row, () => new nn.AlphaDropout()),
  FeatureAlphaDropout: of(row, () => new nn.FeatureAlphaDropout()),
  CosineSimilarity: () => [new nn.CosineSimilarity(), randn([2, 4]), randn([2, 4])],
  PairwiseDistance: () => [new nn.PairwiseDistance(), randn([2, 4]), randn([2, 4])],
};

/** What holds others, computes losses, or is there to be extended. */
const noLayers =
  /^(Module|Sequential|ModuleList|ModuleDict|ParameterList|ParameterDict|AveragedModel|.*Loss|ConvNd|ConvTransposeNd|BatchNorm|InstanceNorm|PadNd|RNNBase|RNNCellBase)$/;

test('every layer has a row', () => {
  const all = Object.entries(nn as Readonly<Record<string, unknown>>)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof Module)
    .map(([name]) => name)
    .filter((name) => !noLayers.test(name));
  expect(Object.keys(examples).sort()).toEqual(all.sort());
});

const rules = moduleRules('layers');
const NONE = '–';

const call = (module: AnyModule, inputs: readonly unknown[]): unknown =>
  noGrad(() => module.call(...(inputs as never[])));

/** A layer between stubs, one for each of its inputs; of what it gives the first. */
class Between extends Module<Tensor[]> {
  readonly quants: ModuleList<QuantStub>;
  readonly dequant = new DeQuantStub();

  constructor(
    readonly module: AnyModule,
    inputs: readonly Tensor[],
  ) {
    super();
    this.quants = new ModuleList(inputs.map(() => new QuantStub()));
  }

  forward(...xs: Tensor[]): Tensor {
    const y: Tensor | unknown[] = this.module.call(...xs.map((x, i) => this.quants.at(i).call(x)));
    return this.dequant.call([y].flat(3)[0] as Tensor);
  }
}

/** The int8 form, between stubs, that runs on integers. */
async function int8Form(module: AnyModule, inputs: readonly Tensor[]): Promise<Between | undefined> {
  try {
    const prepared = prepare(new Between(module, inputs).eval(), getDefaultQConfigMapping());
    call(prepared, inputs);
    const int8 = await convert(prepared);
    call(int8, inputs);
    return int8;
  } catch {
    return undefined;
  }
}

/** The class, if it is another than the float one's. */
function formOf(int8: AnyModule, float: AnyModule): string {
  return int8.constructor === float.constructor ? 'as it is' : `\`${int8.constructor.name}\``;
}

async function qatForm(float: AnyModule, inputs: readonly Tensor[]): Promise<string> {
  const trained = prepareQat(new Between(float, inputs).train(), getDefaultQatQConfigMapping());
  call(trained, inputs);
  const { module } = trained;
  if (module.constructor !== float.constructor) return `\`${module.constructor.name}\``;
  const watched = module.children().some((child) => child.constructor.name.includes('FakeQuant'));
  return watched ? 'its output' : 'as it is';
}

/** The form with integer weights that takes floats, and what of it is one. */
async function dynamicForm(
  float: AnyModule,
): Promise<{ readonly form: string; readonly module?: AnyModule }> {
  const isEmbedding = /^Embedding/.test(float.constructor.name);
  if (!isEmbedding && !float.modules().some((m) => rules.dynamic(m))) return { form: NONE };
  const holder = new Sequential(float as Module).eval();
  const made = isEmbedding
    ? await quantize_(holder, floatQparamsWeightOnlyQconfig)
    : await quantizeDynamic(holder);
  const module = made.at(0);
  const inside = module
    .modules()
    .find((m) => m.constructor.name !== 'Sequential' && /Quantized/.test(m.constructor.name));
  return { form: inside === module ? `\`${module.constructor.name}\`` : 'its layers', module };
}

async function exports(module: AnyModule, inputs: readonly Tensor[]): Promise<boolean> {
  try {
    await exportOnnx(module as never, inputs as never);
    return true;
  } catch {
    return false;
  }
}

/** A backend of the reference's kernels, but only those that another has. */
function withKernels(names: readonly string[]): Backend<HostBuffer> {
  const all = Object.entries(referenceBackend.kernels);
  return createHostBackend(
    Object.fromEntries(all.filter(([name]) => names.includes(name))) as Kernels<HostBuffer>,
  );
}

/** What a module lacks on a backend; undefined: nothing. */
function lacks(backend: Backend, module: AnyModule, inputs: readonly Tensor[]): string | undefined {
  const [there, given] = [module.clone().to(backend), inputs.map((t) => t.to(backend))];
  try {
    withBackend(backend, () => call(there, given));
    return undefined;
  } catch (error) {
    if (error instanceof MissingKernelError) return error.op;
    throw error;
  }
}

/** Whether a gradient reaches an input or a parameter. */
function learns(module: AnyModule, inputs: readonly Tensor[]): boolean {
  const given = inputs.map((t) => {
    const copy = t.detach().clone();
    copy.requiresGrad = t.dtype === 'float32';
    return copy;
  });
  const copy = module.clone();
  const [y] = [copy.call(...(given as never[]))].flat(3) as Tensor[];
  y.sum().backward();
  return [...given, ...copy.parameters()].some((t) => t.grad !== undefined);
}

const list = (found: Readonly<Record<string, boolean>>) =>
  Object.keys(found)
    .filter((name) => found[name])
    .join(', ') || NONE;

async function rowOf(name: string, make: Example, backends: readonly Backend[]): Promise<string> {
  const example = make();
  const [float, ...inputs] = example;
  float.eval();
  const int8 = await int8Form(float.clone(), inputs);
  const { form, module: dynamic } = await dynamicForm(float.clone());
  const runs = backends.map((backend) => {
    const has = (m: AnyModule | undefined) => m !== undefined && lacks(backend, m, inputs) === undefined;
    return list({ float: has(float), int8: has(int8), dynamic: has(dynamic) });
  });
  const cells = [
    `\`${name}\``,
    learns(float, inputs) ? 'yes' : NONE,
    int8 ? formOf(int8.module, float) : NONE,
    int8 ? await qatForm(float.clone(), inputs) : NONE,
    form,
    list({ float: await exports(float, inputs), int8: int8 ? await exports(int8, inputs) : false }),
    ...runs,
  ];
  return `| ${cells.join(' | ')} |`;
}

test('the table in the documentation is what the layers do', { timeout: 600_000 }, async () => {
  const wasm = await createWasmBackend();
  const gpu = makeKernels({} as never);
  const backends = [wasm, { kernels: gpu }].map(({ kernels }) => withKernels(Object.keys(kernels)));
  const rows: string[] = [];
  for (const [name, make] of Object.entries(examples)) rows.push(await rowOf(name, make, backends));
  const page = [
    '# Layers, and where they run',
    '',
    'Written by `tests/docs/test/layers.test.ts`, which runs every layer of `@octet/nn`: `vitest run --project docs layers -u`.',
    '',
    '- **float**: forward and gradient.',
    '- **PTQ**: what `convert` makes of it between `QuantStub`s and a `DeQuantStub`; *as it is*: the layer itself takes integers.',
    '- **QAT**: what `prepareQat` makes of it; *its output*: it is trained as it is, and what it gives is fake-quantized.',
    '- **dynamic**: what `quantizeDynamic` makes of it, of embeddings `quantize_`; *its layers*: of layers inside.',
    '- **ONNX**: what `exportOnnx` writes.',
    "- **wasm**, **WebGPU**: which of these the backend runs by kernels of its own. What is missing runs on wasm's fallback, the reference; on WebGPU it is an error.",
    '',
    '| layer | float | PTQ | QAT | dynamic | ONNX | wasm | WebGPU |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
  await expect(page).toMatchFileSnapshot('../../../docs/layers.md');
});
