import {
  type AnyModule,
  Conv2d,
  Embedding,
  Flatten,
  GRU,
  Linear,
  LSTM,
  MaxPool2d,
  Module,
  MultiheadAttention,
  ReLU,
  Sequential,
  Transformer,
} from '@octet/nn';
import {
  convert,
  DeQuantStub,
  FloatFunctional,
  getDefaultQConfigMapping,
  int4WeightOnly,
  prepare,
  QuantStub,
  quantize_,
  quantizeDynamic,
} from '@octet/quantization';
import { cat, noGrad, rand, randint, relu, type Tensor } from '@octet/tensor';
import { DigitClassifier, Model, mobilenetV2 } from '@octet/vision';

/** A network as the README writes one: nothing but layers in fields. */
export class Plain extends Module {
  readonly quant = new QuantStub();
  readonly conv1 = new Conv2d(1, 8, 3, { stride: 2, padding: 1 });
  readonly relu1 = new ReLU();
  readonly conv2 = new Conv2d(8, 8, 3, { padding: 1, groups: 8 });
  readonly conv3 = new Conv2d(8, 16, 1);
  readonly relu3 = new ReLU();
  readonly pool = new MaxPool2d(2);
  readonly skip = new FloatFunctional();
  readonly flatten = new Flatten();
  readonly out = new Linear(16 * 4 * 4, 10);
  readonly dequant = new DeQuantStub();

  override forward(x: Tensor): Tensor {
    const a = this.relu1.call(this.conv1.call(this.quant.call(x)));
    const b = this.skip.add(a, this.conv2.call(a));
    const c = this.pool.call(this.relu3.call(this.conv3.call(b)));
    return this.dequant.call(this.out.call(this.flatten.call(c)));
  }
}

class Words extends Module {
  readonly embed = new Embedding(20, 8);
  readonly lstm = new LSTM(8, 12, { numLayers: 2, batchFirst: true });
  readonly head = new Linear(12, 3);

  override forward(x: Tensor): Tensor {
    const [y] = this.lstm.call(this.embed.call(x));
    return this.head.call(relu(y));
  }
}

class Sequence extends Module {
  readonly quant = new QuantStub();
  readonly lstm = new LSTM(4, 6, { numLayers: 2, bidirectional: true });
  readonly attention = new MultiheadAttention(12, 2);
  readonly dequant = new DeQuantStub();

  override forward(x: Tensor): Tensor {
    const [y] = this.lstm.call(this.quant.call(x));
    return this.dequant.call(this.attention.call(y, y, y)[0]);
  }
}

class Stateful extends Module<[x: Tensor, state: [Tensor, Tensor]], [Tensor, [Tensor, Tensor]]> {
  readonly lstm = new LSTM(4, 6);

  override forward(x: Tensor, state: [Tensor, Tensor]): [Tensor, [Tensor, Tensor]] {
    return this.lstm.call(x, state);
  }
}

class Joined extends Module {
  readonly a = new Conv2d(3, 4, 3, { padding: 1 });
  readonly b = new Conv2d(3, 4, 3, { padding: 1, dilation: 1 });

  override forward(x: Tensor): Tensor {
    const y = cat([this.a.call(x), this.b.call(x)], 1);
    return y.permute([0, 2, 3, 1]).softmax(3).mean([1, 2]);
  }
}

async function int8Of<M extends Module & { fuseModel?(): void }>(float: M, input: Tensor): Promise<M> {
  float.eval();
  float.fuseModel?.();
  const prepared = prepare(float, getDefaultQConfigMapping());
  noGrad(() => prepared.call(input));
  return (await convert(prepared)).eval();
}

export interface Subject {
  readonly name: string;
  /** On the default backend, in evaluation mode. */
  make(): Promise<AnyModule>;
  input(): unknown[];
}

const image =
  (...shape: number[]) =>
  () => [rand(shape)];
const mlp = () => new Sequential(new Linear(16, 24), new ReLU(), new Linear(24, 5));

const transformer = { dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 12 };

export const subjects: readonly Subject[] = [
  { name: 'digits, float', make: async () => new DigitClassifier().eval(), input: image(2, 1, 28, 28) },
  {
    name: 'digits, int8',
    make: async () => int8Of(new DigitClassifier(), rand([2, 1, 28, 28])),
    input: image(1, 1, 28, 28),
  },
  {
    name: 'the tutorial, int8',
    make: async () => int8Of(new Model(), rand([1, 3, 28, 28])),
    input: image(1, 3, 28, 28),
  },
  {
    name: 'MobileNetV2, float',
    make: async () => {
      const model = mobilenetV2({ relu6: false }).eval();
      model.fuseModel();
      return model;
    },
    input: image(1, 3, 48, 48),
  },
  {
    name: 'MobileNetV2, int8',
    make: async () => int8Of(mobilenetV2({ relu6: false }), rand([1, 3, 48, 48])),
    input: image(1, 3, 48, 48),
  },
  { name: 'as the README writes, float', make: async () => new Plain().eval(), input: image(2, 1, 16, 16) },
  {
    name: 'as the README writes, int8',
    make: async () => int8Of(new Plain(), rand([2, 1, 16, 16])),
    input: image(2, 1, 16, 16),
  },
  {
    name: 'several inputs of a concatenation',
    make: async () => new Joined().eval(),
    input: image(2, 3, 6, 6),
  },
  {
    name: 'embedding and LSTM, float',
    make: async () => new Words().eval(),
    input: () => [randint(0, 20, [2, 5])],
  },
  {
    name: 'embedding and LSTM, dynamic',
    make: () => quantizeDynamic(new Words().eval()),
    input: () => [randint(0, 20, [2, 5])],
  },
  {
    name: 'LSTM and attention, int8',
    make: async () => {
      const prepared = prepare(new Sequence().eval(), getDefaultQConfigMapping());
      noGrad(() => prepared.call(rand([5, 2, 4])));
      return convert(prepared);
    },
    input: () => [rand([5, 2, 4])],
  },
  {
    name: 'LSTM with its state',
    make: async () => new Stateful().eval(),
    input: () => [rand([3, 2, 4]), [rand([1, 2, 6]), rand([1, 2, 6])]],
  },
  {
    name: 'GRU of both directions, float',
    make: async () => new GRU(4, 6, { numLayers: 2, bidirectional: true }).eval(),
    input: () => [rand([3, 2, 4])],
  },
  {
    name: 'GRU with its state, dynamic',
    make: () => quantizeDynamic(new GRU(4, 6, { numLayers: 2 }).eval()),
    input: () => [rand([3, 2, 4]), rand([2, 2, 6])],
  },
  {
    name: 'a transformer, float',
    make: async () => new Transformer({ ...transformer, normFirst: true }).eval(),
    input: () => [rand([5, 2, 8]), rand([3, 2, 8])],
  },
  {
    name: 'a transformer, dynamic',
    make: () => quantizeDynamic(new Transformer(transformer).eval()),
    input: () => [rand([5, 2, 8]), rand([3, 2, 8])],
  },
  {
    name: 'weights of few bits',
    make: () => quantize_(mlp().eval(), int4WeightOnly({ groupSize: 4 })),
    input: image(3, 16),
  },
  { name: 'linear layers, dynamic', make: () => quantizeDynamic(mlp().eval()), input: image(3, 16) },
];
