import { ArgumentError, checkOptions, describe } from '@octet/backend';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  init,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';
import { BasicBlock } from './basic-block';
import { Bottleneck } from './bottleneck';
import { fuseBlocks } from './fuse-blocks';
import { type Pretrained, withWeights } from './pretrained';

export interface ResNetOptions {
  numClasses?: number;
  /** How many blocks each of the four stages has. */
  layers?: readonly [number, number, number, number];
  /** What the stages are made of. */
  block?: typeof BasicBlock | typeof Bottleneck;
}

/**
 * ResNet (He et al., 2015), quantizable: [N, 3, H, W] → [N, numClasses]. Layout, state dict and initial values are those of
 * torchvision's `resnet18`; with `layers: [3, 4, 6, 3]` of its `resnet34`, and with `block: Bottleneck` too, of its `resnet50`.
 *
 * @throws ArgumentError unless block is one of the two
 */
export class ResNet extends Module {
  static override readonly name: string = 'ResNet';
  static readonly pure = true;

  readonly conv1 = new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
  readonly bn1 = new BatchNorm2d(64);
  readonly relu = new ReLU();
  readonly maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc: Linear;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  private readonly flatten = new Flatten();

  constructor(options: ResNetOptions = {}) {
    super();
    const {
      numClasses = 1000,
      layers = [2, 2, 2, 2],
      block = BasicBlock,
    } = checkOptions('ResNet', options, 'numClasses layers block');
    if (block !== BasicBlock && block !== Bottleneck) {
      throw new ArgumentError({
        op: 'ResNet',
        expected: 'block to be BasicBlock or Bottleneck',
        found: describe(block),
        fix: 'Pass the class itself.',
      });
    }
    const { expansion } = block;
    this.layer1 = stage(block, 64, 64, layers[0], 1);
    this.layer2 = stage(block, 64 * expansion, 128, layers[1], 2);
    this.layer3 = stage(block, 128 * expansion, 256, layers[2], 2);
    this.layer4 = stage(block, 256 * expansion, 512, layers[3], 2);
    this.fc = new Linear(512 * expansion, numClasses);
    this.resetParameters();
  }

  resetParameters(): void {
    for (const module of this.modules()) {
      if (module instanceof Conv2d) init.kaimingNormal_(module.weight, { mode: 'fanOut' });
      else if (module instanceof BatchNorm2d || module instanceof Linear) module.resetParameters();
    }
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const stem = this.relu.call(this.bn1.call(this.conv1.call(this.quant.call(x))));
      const y = this.layer2.call(this.layer1.call(this.maxpool.call(stem)));
      const features = this.avgpool.call(this.layer4.call(this.layer3.call(y)));
      return this.dequant.call(this.fc.call(this.flatten.call(features)));
    });
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    fuseLayers(this, ['conv1', 'bn1', 'relu']);
    fuseBlocks(this);
  }
}

function stage(
  Block: typeof BasicBlock | typeof Bottleneck,
  inplanes: number,
  planes: number,
  blocks: number,
  stride: number,
): Sequential {
  const make = (_: unknown, i: number) =>
    i === 0 ? new Block(inplanes, planes, stride) : new Block(planes * Block.expansion, planes);
  return new Sequential(...Array.from({ length: blocks }, make));
}

type Options = Pretrained & { numClasses?: number };

/** A ResNet-18; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function resnet18(options?: Options): ResNet {
  const { pretrained, ...rest } = checkOptions('resnet18', options, 'numClasses pretrained');
  return withWeights(new ResNet(rest), pretrained);
}

/** A ResNet-34; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function resnet34(options?: Options): ResNet {
  const { pretrained, ...rest } = checkOptions('resnet34', options, 'numClasses pretrained');
  return withWeights(new ResNet({ ...rest, layers: [3, 4, 6, 3] }), pretrained);
}

/** A ResNet-50; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function resnet50(options?: Options): ResNet {
  const { pretrained, ...rest } = checkOptions('resnet50', options, 'numClasses pretrained');
  return withWeights(new ResNet({ ...rest, layers: [3, 4, 6, 3], block: Bottleneck }), pretrained);
}
