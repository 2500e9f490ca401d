import { checkOptions, requireOneOf } from '@octet/backend';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Hardsigmoid,
  Hardswish,
  init,
  Linear,
  Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { Conv2dNormActivation } from './conv2d-norm-activation';
import { fuseBlocks } from './fuse-blocks';
import { inEights } from './in-eights';
import { MobileBlock } from './mobile-block';
import { requirePositive } from './positive';
import { type Pretrained, withWeights } from './pretrained';

/** One block: kernel, hidden channels, output channels, squeeze-and-excitation, activation, stride. */
type Row = readonly [
  kernel: number,
  hidden: number,
  out: number,
  squeeze: boolean,
  activation: 'ReLU' | 'Hardswish',
  stride: number,
];

/** Tables 1 and 2 of the paper, and the width of the layer before the last. */
const variants: Record<'small' | 'large', { readonly rows: readonly Row[]; readonly last: number }> = {
  small: {
    rows: [
      [3, 16, 16, true, 'ReLU', 2],
      [3, 72, 24, false, 'ReLU', 2],
      [3, 88, 24, false, 'ReLU', 1],
      [5, 96, 40, true, 'Hardswish', 2],
      [5, 240, 40, true, 'Hardswish', 1],
      [5, 240, 40, true, 'Hardswish', 1],
      [5, 120, 48, true, 'Hardswish', 1],
      [5, 144, 48, true, 'Hardswish', 1],
      [5, 288, 96, true, 'Hardswish', 2],
      [5, 576, 96, true, 'Hardswish', 1],
      [5, 576, 96, true, 'Hardswish', 1],
    ],
    last: 1024,
  },
  large: {
    rows: [
      [3, 16, 16, false, 'ReLU', 1],
      [3, 64, 24, false, 'ReLU', 2],
      [3, 72, 24, false, 'ReLU', 1],
      [5, 72, 40, true, 'ReLU', 2],
      [5, 120, 40, true, 'ReLU', 1],
      [5, 120, 40, true, 'ReLU', 1],
      [3, 240, 80, false, 'Hardswish', 2],
      [3, 200, 80, false, 'Hardswish', 1],
      [3, 184, 80, false, 'Hardswish', 1],
      [3, 184, 80, false, 'Hardswish', 1],
      [3, 480, 112, true, 'Hardswish', 1],
      [3, 672, 112, true, 'Hardswish', 1],
      [5, 672, 160, true, 'Hardswish', 2],
      [5, 960, 160, true, 'Hardswish', 1],
      [5, 960, 160, true, 'Hardswish', 1],
    ],
    last: 1280,
  },
};

const norm = { eps: 0.001, momentum: 0.01 };

export interface MobileNetV3Options {
  variant?: 'small' | 'large';
  numClasses?: number;
  /** Times the channels of every layer, in steps of 8. */
  widthMult?: number;
  /** Of the classifier, in training. */
  dropout?: number;
}

/**
 * MobileNetV3 (Howard et al., 2019), quantizable: [N, 3, H, W] → [N, numClasses]. Layout, state dict and initial values are those of
 * torchvision's `mobilenet_v3_small` and `mobilenet_v3_large`.
 *
 * @throws ArgumentError unless widthMult > 0, and for another variant
 */
export class MobileNetV3 extends Module {
  static override readonly name: string = 'MobileNetV3';
  static readonly pure = true;

  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly classifier: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  private readonly flatten = new Flatten();

  constructor(options: MobileNetV3Options = {}) {
    super();
    const {
      variant = 'small',
      numClasses = 1000,
      widthMult = 1,
      dropout = 0.2,
    } = checkOptions('MobileNetV3', options, 'variant numClasses widthMult dropout');
    requirePositive('MobileNetV3', 'widthMult', widthMult);
    requireOneOf('MobileNetV3', 'variant', variant, ['small', 'large']);
    const { rows, last } = variants[variant];
    const width = (channels: number) => inEights(channels * widthMult);
    let channels = width(16);
    const features: Module[] = [
      new Conv2dNormActivation(3, channels, { stride: 2, activation: Hardswish, ...norm }),
    ];
    for (const [kernelSize, wide, out, squeeze, activation, stride] of rows) {
      const hidden = width(wide);
      features.push(
        new MobileBlock(channels, hidden, width(out), {
          kernelSize,
          stride,
          activation: activation === 'ReLU' ? ReLU : Hardswish,
          squeeze: squeeze ? inEights(Math.floor(hidden / 4)) : 0,
          scaleActivation: Hardsigmoid,
          ...norm,
        }),
      );
      channels = width(out);
    }
    features.push(
      new Conv2dNormActivation(channels, 6 * channels, { kernelSize: 1, activation: Hardswish, ...norm }),
    );
    this.features = new Sequential(...features);
    this.classifier = new Sequential(
      new Linear(6 * channels, width(last)),
      new Hardswish(),
      new Dropout(dropout),
      new Linear(width(last), numClasses),
    );
    this.resetParameters();
  }

  resetParameters(): void {
    for (const module of this.modules()) {
      if (module instanceof Conv2d) {
        init.kaimingNormal_(module.weight, { mode: 'fanOut' });
        if (module.bias) init.zeros_(module.bias);
      } else if (module instanceof BatchNorm2d) module.resetParameters();
      else if (module instanceof Linear) {
        init.normal_(module.weight, 0, 0.01);
        if (module.bias) init.zeros_(module.bias);
      }
    }
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const features = this.avgpool.call(this.features.call(this.quant.call(x)));
      return this.dequant.call(this.classifier.call(this.flatten.call(features)));
    });
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    fuseBlocks(this);
  }
}

type Options = Pretrained & Omit<MobileNetV3Options, 'variant'>;
const NAMES = 'numClasses widthMult dropout pretrained';

/** A small MobileNetV3; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function mobilenetV3Small(options?: Options): MobileNetV3 {
  const { pretrained, ...rest } = checkOptions('mobilenetV3Small', options, NAMES);
  return withWeights(new MobileNetV3({ ...rest, variant: 'small' }), pretrained);
}

/** A large MobileNetV3; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function mobilenetV3Large(options?: Options): MobileNetV3 {
  const { pretrained, ...rest } = checkOptions('mobilenetV3Large', options, NAMES);
  return withWeights(new MobileNetV3({ ...rest, variant: 'large' }), pretrained);
}
