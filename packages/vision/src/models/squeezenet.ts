import { checkOptions, requireOneOf } from '@octet/backend';
import {
  AdaptiveAvgPool2d,
  Conv2d,
  Dropout,
  Flatten,
  init,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { DeQuantStub, FloatFunctional, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';
import { fuseBlocks } from './fuse-blocks';
import { type Pretrained, withWeights } from './pretrained';

/**
 * SqueezeNet's module: a 1x1 convolution narrows, a 1x1 and a 3x3 one widen beside each other: [N, nIn, H, W] → [N, 2 · expand, H, W].
 * Iandola et al., 2016.
 */
export class Fire extends Module {
  static override readonly name: string = 'Fire';
  static readonly pure = true;

  readonly squeeze: Conv2d;
  readonly squeezeActivation = new ReLU();
  readonly expand1x1: Conv2d;
  readonly expand1x1Activation = new ReLU();
  readonly expand3x3: Conv2d;
  readonly expand3x3Activation = new ReLU();
  readonly cat = new FloatFunctional();

  constructor(nIn: number, squeeze: number, expand: number) {
    super();
    this.squeeze = new Conv2d(nIn, squeeze, 1);
    this.expand1x1 = new Conv2d(squeeze, expand, 1);
    this.expand3x3 = new Conv2d(squeeze, expand, 3, { padding: 1 });
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const narrow = this.squeezeActivation.call(this.squeeze.call(x));
      const one = this.expand1x1Activation.call(this.expand1x1.call(narrow));
      const three = this.expand3x3Activation.call(this.expand3x3.call(narrow));
      return this.cat.cat([one, three], 1);
    });
  }

  /** Fuses each convolution with its ReLU. */
  fuseModel(): void {
    for (const name of ['squeeze', 'expand1x1', 'expand3x3']) fuseLayers(this, [name, `${name}Activation`]);
  }
}

/** The maximum of 3x3 windows at every second place, the last of which may reach past the edge. Inputs are 0 and more, as a ReLU leaves them. */
class PoolAfterReLU extends Module {
  static override readonly name: string = 'PoolAfterReLU';
  static readonly pure = true;

  private readonly pool = new MaxPool2d(3, { stride: 2 });

  forward(x: Tensor): Tensor {
    // Zeros beyond the edge are no maximum of what a ReLU left.
    const [right, bottom] = [x.size(3), x.size(2)].map((n) => (n > 3 && n % 2 === 0 ? 1 : 0));
    return tidy(() => this.pool.call(right + bottom > 0 ? x.pad([0, right, 0, bottom]) : x));
  }
}

export interface SqueezeNetOptions {
  /** 1.1 takes less than half the multiplications of 1.0, with the same accuracy. */
  version?: '1.0' | '1.1';
  numClasses?: number;
  /** Of the classifier, in training. */
  dropout?: number;
}

/**
 * SqueezeNet (Iandola et al., 2016), quantizable: [N, 3, H, W] → [N, numClasses]. Layout, state dict and initial values are those of
 * torchvision's `squeezenet1_0` and `squeezenet1_1`.
 *
 * @throws ArgumentError for another version
 */
export class SqueezeNet extends Module {
  static override readonly name: string = 'SqueezeNet';
  static readonly pure = true;

  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  private readonly flatten = new Flatten();

  constructor(options: SqueezeNetOptions = {}) {
    super();
    const {
      version = '1.0',
      numClasses = 1000,
      dropout = 0.5,
    } = checkOptions('SqueezeNet', options, 'version numClasses dropout');
    requireOneOf('SqueezeNet', 'version', version, ['1.0', '1.1']);
    const pool = () => new PoolAfterReLU();
    const late = [new Fire(256, 48, 192), new Fire(384, 48, 192), new Fire(384, 64, 256)];
    this.features = new Sequential(
      ...(version === '1.0'
        ? [
            new Conv2d(3, 96, 7, { stride: 2 }),
            new ReLU(),
            pool(),
            new Fire(96, 16, 64),
            new Fire(128, 16, 64),
            new Fire(128, 32, 128),
            pool(),
            new Fire(256, 32, 128),
            ...late,
            pool(),
            new Fire(512, 64, 256),
          ]
        : [
            new Conv2d(3, 64, 3, { stride: 2 }),
            new ReLU(),
            pool(),
            new Fire(64, 16, 64),
            new Fire(128, 16, 64),
            pool(),
            new Fire(128, 32, 128),
            new Fire(256, 32, 128),
            pool(),
            ...late,
            new Fire(512, 64, 256),
          ]),
    );
    this.classifier = new Sequential(
      new Dropout(dropout),
      new Conv2d(512, numClasses, 1),
      new ReLU(),
      new AdaptiveAvgPool2d(1),
    );
    this.resetParameters();
  }

  resetParameters(): void {
    const last = this.classifier[1];
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d)) continue;
      if (module === last) init.normal_(module.weight, 0, 0.01);
      else init.kaimingUniform_(module.weight);
      if (module.bias) init.zeros_(module.bias);
    }
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const features = this.features.call(this.quant.call(x));
      return this.dequant.call(this.flatten.call(this.classifier.call(features)));
    });
  }

  /** Fuses every convolution with the ReLU behind it, in place. */
  fuseModel(): void {
    fuseLayers(this.features, ['0', '1']);
    fuseBlocks(this);
    fuseLayers(this.classifier, ['1', '2']);
  }
}

type Options = Pretrained & Omit<SqueezeNetOptions, 'version'>;

/** A SqueezeNet 1.0; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function squeezenet10(options?: Options): SqueezeNet {
  const { pretrained, ...rest } = checkOptions('squeezenet10', options, 'numClasses dropout pretrained');
  return withWeights(new SqueezeNet({ ...rest, version: '1.0' }), pretrained);
}

/** A SqueezeNet 1.1; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function squeezenet11(options?: Options): SqueezeNet {
  const { pretrained, ...rest } = checkOptions('squeezenet11', options, 'numClasses dropout pretrained');
  return withWeights(new SqueezeNet({ ...rest, version: '1.1' }), pretrained);
}
