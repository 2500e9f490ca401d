import path from 'node:path';
import { loadPt, type PtValue, ptStateDict } from '@octet/formats';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Hardsigmoid,
  Hardswish,
  Linear,
  Module,
  ReLU,
  Sequential,
  skipInit,
} from '@octet/nn';
import {
  convert,
  DeQuantStub,
  FloatFunctional,
  fuseModules,
  getDefaultQConfigMapping,
  prepare,
  QuantStub,
} from '@octet/quantization';
import { noGrad, type Tensor, tensor } from '@octet/tensor';
import { expect, test } from 'vitest';

// MobileNetV3-small as a user of PyTorch writes it: the same modules under the same names as in data/mobilenet-v3/generate.py.

function rounded(v: number, divisor = 8): number {
  const next = Math.max(divisor, Math.floor((v + divisor / 2) / divisor) * divisor);
  return next < 0.9 * v ? next + divisor : next;
}

type Activation = new () => Module;

class ConvNormActivation extends Sequential {
  constructor(i: number, o: number, k: number, stride = 1, groups = 1, activation?: Activation) {
    super(
      new Conv2d(i, o, k, { stride, padding: (k - 1) / 2, groups, bias: false }),
      new BatchNorm2d(o, { eps: 0.001, momentum: 0.01 }),
      ...(activation ? [new activation()] : []),
    );
  }
}

class SqueezeExcitation extends Module {
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;
  readonly activation = new ReLU();
  readonly scaleActivation = new Hardsigmoid();
  readonly skipMul = new FloatFunctional();

  constructor(channels: number, squeeze: number) {
    super();
    this.fc1 = new Conv2d(channels, squeeze, 1);
    this.fc2 = new Conv2d(squeeze, channels, 1);
  }

  forward(x: Tensor): Tensor {
    const scale = this.activation.call(this.fc1.call(this.avgpool.call(x)));
    return this.skipMul.mul(this.scaleActivation.call(this.fc2.call(scale)), x);
  }
}

class InvertedResidual extends Module {
  readonly block: Sequential;
  readonly skipAdd = new FloatFunctional();
  readonly residual: boolean;

  constructor(
    i: number,
    k: number,
    e: number,
    o: number,
    se: boolean,
    activation: Activation,
    stride: number,
  ) {
    super();
    this.residual = stride === 1 && i === o;
    this.block = new Sequential(
      ...(e === i ? [] : [new ConvNormActivation(i, e, 1, 1, 1, activation)]),
      new ConvNormActivation(e, e, k, stride, e, activation),
      ...(se ? [new SqueezeExcitation(e, rounded(Math.floor(e / 4)))] : []),
      new ConvNormActivation(e, o, 1),
    );
  }

  forward(x: Tensor): Tensor {
    return this.residual ? this.skipAdd.add(x, this.block.call(x)) : this.block.call(x);
  }
}

const small: [number, number, number, number, boolean, Activation, number][] = [
  [16, 3, 16, 16, true, ReLU, 2],
  [16, 3, 72, 24, false, ReLU, 2],
  [24, 3, 88, 24, false, ReLU, 1],
  [24, 5, 96, 40, true, Hardswish, 2],
  [40, 5, 240, 40, true, Hardswish, 1],
  [40, 5, 240, 40, true, Hardswish, 1],
  [40, 5, 120, 48, true, Hardswish, 1],
  [48, 5, 144, 48, true, Hardswish, 1],
  [48, 5, 288, 96, true, Hardswish, 2],
  [96, 5, 576, 96, true, Hardswish, 1],
  [96, 5, 576, 96, true, Hardswish, 1],
];

class MobileNetV3 extends Module {
  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly classifier: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();

  constructor(classes: number, width: number) {
    super();
    const wide = (c: number) => rounded(c * width);
    const [last, hidden] = [6 * wide(96), wide(1024)];
    this.features = new Sequential(
      new ConvNormActivation(3, wide(16), 3, 2, 1, Hardswish),
      ...small.map(([i, k, e, o, ...rest]) => new InvertedResidual(wide(i), k, wide(e), wide(o), ...rest)),
      new ConvNormActivation(wide(96), last, 1, 1, 1, Hardswish),
    );
    this.classifier = new Sequential(
      new Linear(last, hidden),
      new Hardswish(),
      new Dropout(0.2),
      new Linear(hidden, classes),
    );
  }

  forward(x: Tensor): Tensor {
    const y = this.features.call(this.quant.call(x));
    return this.dequant.call(this.classifier.call(this.avgpool.call(y).flatten(1)));
  }

  fuse(): void {
    for (const m of this.modules()) {
      if (m instanceof ConvNormActivation)
        fuseModules(m, m.at(-1) instanceof ReLU ? ['0', '1', '2'] : ['0', '1']);
      if (m instanceof SqueezeExcitation) fuseModules(m, ['fc1', 'activation']);
    }
  }
}

test('MobileNetV3-small in int8 gives PyTorch’s integers, from its checkpoint', async () => {
  // Another file of generate.py, and its width and size: the whole network, say.
  const [file, width, size] = process.env.MOBILENET_V3?.split(',') ?? [
    path.join(import.meta.dirname, '../data/mobilenet-v3/mobilenet-v3-small.pt'),
    '0.25',
    '64',
  ];
  const saved = (await loadPt(file)) as unknown as Record<string, PtValue>;
  const model = skipInit(() => new MobileNetV3(10, Number(width))).eval();
  model.fuse();
  const prepared = prepare(model, getDefaultQConfigMapping('qnnpack'));
  const int8 = await convert(prepared, { requireCalibration: false });
  int8.loadStateDict(ptStateDict(saved.state));

  const n = 2 * 3 * Number(size) ** 2;
  const x = tensor(
    Float32Array.from({ length: n }, (_, i) => (((i * 7919) % 65521) / 65521) * 6 - 3),
    [2, 3, Number(size), Number(size)],
  );
  const traced: Record<string, Tensor> = {};
  for (const at of ['features.1', 'features.4', 'features.12', 'classifier']) {
    int8.getSubmodule(at).registerForwardHook((_module, _args, y) => {
      traced[at] = y as Tensor;
    });
  }
  const y = noGrad(() => int8.call(x));
  const corner = traced['features.1'].slice(2, 0, 8).slice(3, 0, 8);
  for (const [at, found] of Object.entries({ ...traced, 'features.1': corner })) {
    const want = (saved[at] as Tensor).dataSync();
    expect(found.intRepr().contiguous().dataSync(), at).toEqual(want);
  }
  expect(y.dataSync()).toEqual((saved.y as Tensor).dataSync());
});
