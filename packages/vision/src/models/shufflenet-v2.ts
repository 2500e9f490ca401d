import { checkOptions } from '@octet/backend';
import { AdaptiveAvgPool2d, Flatten, Linear, MaxPool2d, Module, Sequential } from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { Conv2dNormActivation } from './conv2d-norm-activation';
import { fuseBlocks } from './fuse-blocks';
import { type Pretrained, withWeights } from './pretrained';
import { ShuffleUnit } from './shuffle-unit';

export interface ShuffleNetV2Options {
  numClasses?: number;
  /** How many units each of the three stages has. */
  stages?: readonly [number, number, number];
  /** The channels after the first convolution, after each stage, and after the last convolution. */
  channels?: readonly [number, number, number, number, number];
}

/**
 * ShuffleNetV2 (Ma et al., 2018), quantizable: [N, 3, H, W] → [N, numClasses]. Layout, state dict and initial values are those of
 * torchvision's `shufflenet_v2_x1_0`; with `channels: [24, 48, 96, 192, 1024]` of its `shufflenet_v2_x0_5`.
 */
export class ShuffleNetV2 extends Module {
  static override readonly name: string = 'ShuffleNetV2';
  static readonly pure = true;

  readonly conv1: Conv2dNormActivation;
  readonly maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly stage2: Sequential;
  readonly stage3: Sequential;
  readonly stage4: Sequential;
  readonly conv5: Conv2dNormActivation;
  readonly fc: Linear;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  private readonly pool = new AdaptiveAvgPool2d(1);
  private readonly flatten = new Flatten();

  constructor(options: ShuffleNetV2Options = {}) {
    super();
    const {
      numClasses = 1000,
      stages = [4, 8, 4],
      channels = [24, 116, 232, 464, 1024],
    } = checkOptions('ShuffleNetV2', options, 'numClasses stages channels');
    this.conv1 = new Conv2dNormActivation(3, channels[0], { stride: 2 });
    this.stage2 = stage(channels[0], channels[1], stages[0]);
    this.stage3 = stage(channels[1], channels[2], stages[1]);
    this.stage4 = stage(channels[2], channels[3], stages[2]);
    this.conv5 = new Conv2dNormActivation(channels[3], channels[4], { kernelSize: 1 });
    this.fc = new Linear(channels[4], numClasses);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const y = this.maxpool.call(this.conv1.call(this.quant.call(x)));
      const features = this.conv5.call(this.stage4.call(this.stage3.call(this.stage2.call(y))));
      return this.dequant.call(this.fc.call(this.flatten.call(this.pool.call(features))));
    });
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    fuseBlocks(this);
  }
}

function stage(nIn: number, nOut: number, units: number): Sequential {
  const make = (_: unknown, i: number) =>
    i === 0 ? new ShuffleUnit(nIn, nOut, 2) : new ShuffleUnit(nOut, nOut, 1);
  return new Sequential(...Array.from({ length: units }, make));
}

type Options = Pretrained & { numClasses?: number };

/** ShuffleNetV2 of half the channels; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function shufflenetV2x05(options?: Options): ShuffleNetV2 {
  const { pretrained, ...rest } = checkOptions('shufflenetV2x05', options, 'numClasses pretrained');
  return withWeights(new ShuffleNetV2({ ...rest, channels: [24, 48, 96, 192, 1024] }), pretrained);
}

/** ShuffleNetV2; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function shufflenetV2x10(options?: Options): ShuffleNetV2 {
  const { pretrained, ...rest } = checkOptions('shufflenetV2x10', options, 'numClasses pretrained');
  return withWeights(new ShuffleNetV2(rest), pretrained);
}
