import { BatchNorm2d, Conv2d, Module, ReLU, Sequential } from '@octet/nn';
import { FloatFunctional } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';

/**
 * ResNet's block of two 3x3 convolutions: [N, inplanes, H, W] → [N, planes, H / stride, W / stride]. Its input is added before the last
 * ReLU, through a 1x1 convolution where the shape changes. He et al., 2015.
 */
export class BasicBlock extends Module {
  static override readonly name: string = 'BasicBlock';
  static readonly pure = true;
  /** How many times its planes a block gives. */
  static readonly expansion = 1;

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  /** A convolution and its batch normalisation, where the shape changes. */
  readonly downsample?: Sequential;
  readonly addRelu = new FloatFunctional();

  constructor(inplanes: number, planes: number, stride = 1) {
    super();
    this.conv1 = new Conv2d(inplanes, planes, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(planes);
    if (stride !== 1 || inplanes !== planes) {
      this.downsample = new Sequential(
        new Conv2d(inplanes, planes, 1, { stride, bias: false }),
        new BatchNorm2d(planes),
      );
    }
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const shortcut = this.downsample ? this.downsample.call(x) : x;
      const y = this.relu.call(this.bn1.call(this.conv1.call(x)));
      return this.addRelu.addRelu(this.bn2.call(this.conv2.call(y)), shortcut);
    });
  }

  /** Fuses both convolutions with what follows them, and that of the shortcut. */
  fuseModel(): void {
    fuseLayers(this, ['conv1', 'bn1', 'relu']);
    fuseLayers(this, ['conv2', 'bn2']);
    if (this.downsample) fuseLayers(this.downsample, ['0', '1']);
  }
}
