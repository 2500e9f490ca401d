import { checkOptions } from '@octet/backend';
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
  type StateDict,
} from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';
import { BasicBlock } from './basic-block';

export interface ResNetOptions {
  numClasses?: number;
  /** How many blocks each of the four stages has. */
  layers?: readonly [number, number, number, number];
}

/**
 * ResNet of basic blocks (He et al., 2015), quantizable: [N, 3, H, W] → [N, numClasses]. Layout, state dict and initial values are those of
 * torchvision's `resnet18` and, with `layers: [3, 4, 6, 3]`, `resnet34`.
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
    const { numClasses = 1000, layers = [2, 2, 2, 2] } = checkOptions('ResNet', options, 'numClasses layers');
    this.layer1 = stage(64, 64, layers[0], 1);
    this.layer2 = stage(64, 128, layers[1], 2);
    this.layer3 = stage(128, 256, layers[2], 2);
    this.layer4 = stage(256, 512, layers[3], 2);
    this.fc = new Linear(512, numClasses);
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
    for (const module of this.modules()) if (module instanceof BasicBlock) module.fuseModel();
  }
}

function stage(inplanes: number, planes: number, blocks: number, stride: number): Sequential {
  const make = (_: unknown, i: number) =>
    i === 0 ? new BasicBlock(inplanes, planes, stride) : new BasicBlock(planes, planes);
  return new Sequential(...Array.from({ length: blocks }, make));
}

/** A ResNet-18; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function resnet18(options?: { numClasses?: number; pretrained?: StateDict }): ResNet {
  const { pretrained, ...rest } = checkOptions('resnet18', options, 'numClasses pretrained');
  const model = new ResNet(rest);
  if (pretrained) model.loadStateDict(pretrained);
  return model;
}
