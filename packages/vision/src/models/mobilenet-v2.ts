import { ArgumentError, checkOptions } from '@octet/backend';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  init,
  Linear,
  Module,
  Sequential,
  type StateDict,
} from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { ConvBNReLU } from './conv-bn-relu';
import { fuseBlocks } from './fuse-blocks';
import { inEights } from './in-eights';
import { QInvertedResidual } from './q-inverted-residual';

export interface MobileNetV2Options {
  numClasses?: number;
  /** Times the channels of every layer, in steps of 8. */
  widthMult?: number;
  /** ReLU6, as the float weights were trained, or ReLU, as torchvision's quantizable model has it. */
  relu6?: boolean;
  /** Of the classifier, in training. */
  dropout?: number;
}

/** Table 2 of the paper: expansion, channels, repeats, stride of the first. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/**
 * MobileNetV2 (Sandler et al., 2018), quantizable: [N, 3, H, W] → [N, numClasses]. Layout, state dict and initial
 * values are those of torchvision's `mobilenet_v2`.
 *
 * @throws ArgumentError unless widthMult > 0
 */
export class MobileNetV2 extends Module {
  static override readonly name: string = 'MobileNetV2';
  static readonly pure = true;

  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  private readonly pool = new AdaptiveAvgPool2d(1);
  private readonly flatten = new Flatten();

  constructor(options: MobileNetV2Options = {}) {
    super();
    const {
      numClasses = 1000,
      widthMult = 1,
      relu6 = true,
      dropout = 0.2,
    } = checkOptions('MobileNetV2', options, 'numClasses widthMult relu6 dropout');
    if (!(widthMult > 0)) {
      throw new ArgumentError({
        op: 'MobileNetV2',
        expected: 'widthMult > 0',
        found: String(widthMult),
        fix: 'Usual widths are 0.35, 0.5, 0.75, 1 and 1.4.',
      });
    }
    let channels = inEights(32 * widthMult);
    const last = inEights(1280 * Math.max(1, widthMult));
    const features: Module[] = [new ConvBNReLU(3, channels, { stride: 2, relu6 })];
    for (const [expandRatio, width, repeats, stride] of stages) {
      const out = inEights(width * widthMult);
      for (let i = 0; i < repeats; i++) {
        features.push(new QInvertedResidual(channels, out, i === 0 ? stride : 1, expandRatio, { relu6 }));
        channels = out;
      }
    }
    features.push(new ConvBNReLU(channels, last, { kernelSize: 1, relu6 }));
    this.features = new Sequential(...features);
    this.classifier = new Sequential(new Dropout(dropout), new Linear(last, numClasses));
    this.resetParameters();
  }

  resetParameters(): void {
    for (const module of this.modules()) {
      if (module instanceof Conv2d) init.kaimingNormal_(module.weight, { mode: 'fanOut' });
      else if (module instanceof BatchNorm2d) module.resetParameters();
      else if (module instanceof Linear) {
        init.normal_(module.weight, 0, 0.01);
        if (module.bias) init.zeros_(module.bias);
      }
    }
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const features = this.pool.call(this.features.call(this.quant.call(x)));
      return this.dequant.call(this.classifier.call(this.flatten.call(features)));
    });
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    fuseBlocks(this);
  }
}

/** A MobileNetV2; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function mobilenetV2(options?: MobileNetV2Options & { pretrained?: StateDict }): MobileNetV2 {
  const { pretrained, ...rest } = checkOptions(
    'mobilenetV2',
    options,
    'numClasses widthMult relu6 dropout pretrained',
  );
  const model = new MobileNetV2(rest);
  if (pretrained) model.loadStateDict(pretrained);
  return model;
}
