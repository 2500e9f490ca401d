import { checkOptions } from '@octet/backend';
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
  SiLU,
} from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { Conv2dNormActivation } from './conv2d-norm-activation';
import { fuseBlocks } from './fuse-blocks';
import { inEights } from './in-eights';
import { MobileBlock } from './mobile-block';
import { requirePositive } from './positive';
import { type Pretrained, withWeights } from './pretrained';

/** Table 1 of the paper: expansion, kernel, stride of the first, channels, repeats. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

export interface EfficientNetOptions {
  numClasses?: number;
  /** Times the channels of every layer, in steps of 8. */
  widthMult?: number;
  /** Times the blocks of every stage, rounded up. */
  depthMult?: number;
  /** Of the classifier, in training. */
  dropout?: number;
  /** How often training skips the last block; those before it in proportion. */
  stochasticDepth?: number;
}

/**
 * EfficientNet (Tan and Le, 2019), quantizable: [N, 3, H, W] → [N, numClasses]. Layout, state dict and initial values are those of
 * torchvision's `efficientnet_b0`.
 *
 * @throws ArgumentError unless widthMult and depthMult are positive and the probabilities 0 … 1
 */
export class EfficientNet extends Module {
  static override readonly name: string = 'EfficientNet';
  static readonly pure = true;

  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly classifier: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  private readonly flatten = new Flatten();

  constructor(options: EfficientNetOptions = {}) {
    super();
    const {
      numClasses = 1000,
      widthMult = 1,
      depthMult = 1,
      dropout = 0.2,
      stochasticDepth = 0.2,
    } = checkOptions('EfficientNet', options, 'numClasses widthMult depthMult dropout stochasticDepth');
    requirePositive('EfficientNet', 'widthMult', widthMult);
    requirePositive('EfficientNet', 'depthMult', depthMult);
    const width = (channels: number) => inEights(channels * widthMult);
    const depth = (blocks: number) => Math.ceil(blocks * depthMult);
    const total = stages.reduce((sum, [, , , , repeats]) => sum + depth(repeats), 0);

    let channels = width(32);
    let made = 0;
    const features: Module[] = [new Conv2dNormActivation(3, channels, { stride: 2, activation: SiLU })];
    for (const [expandRatio, kernelSize, stride, out, repeats] of stages) {
      const blocks = Array.from({ length: depth(repeats) }, (_, i) => {
        const block = new MobileBlock(channels, inEights(channels * expandRatio), width(out), {
          kernelSize,
          stride: i === 0 ? stride : 1,
          activation: SiLU,
          squeeze: Math.max(1, Math.floor(channels / 4)),
          squeezeActivation: SiLU,
          stochasticDepth: (stochasticDepth * made++) / total,
        });
        channels = width(out);
        return block;
      });
      features.push(new Sequential(...blocks));
    }
    features.push(new Conv2dNormActivation(channels, 4 * channels, { kernelSize: 1, activation: SiLU }));
    this.features = new Sequential(...features);
    this.classifier = new Sequential(new Dropout(dropout), new Linear(4 * channels, numClasses));
    this.resetParameters();
  }

  resetParameters(): void {
    for (const module of this.modules()) {
      if (module instanceof Conv2d) {
        init.kaimingNormal_(module.weight, { mode: 'fanOut' });
        if (module.bias) init.zeros_(module.bias);
      } else if (module instanceof BatchNorm2d) module.resetParameters();
      else if (module instanceof Linear) {
        const range = 1 / Math.sqrt(module.outFeatures);
        init.uniform_(module.weight, -range, range);
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

  /** Fuses convolutions and batch normalisations, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    fuseBlocks(this);
  }
}

/** An EfficientNet-B0; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function efficientnetB0(
  options?: Pretrained & Omit<EfficientNetOptions, 'depthMult' | 'widthMult'>,
): EfficientNet {
  const { pretrained, ...rest } = checkOptions(
    'efficientnetB0',
    options,
    'numClasses dropout stochasticDepth pretrained',
  );
  return withWeights(new EfficientNet(rest), pretrained);
}
