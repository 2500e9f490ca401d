import { BatchNorm2d, Conv2d, Module, ReLU, Sequential } from '@octet/nn';
import { FloatFunctional } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';

/**
 * ResNet's block of a 1x1, a 3x3 and a 1x1 convolution: [N, inplanes, H, W] → [N, 4 · planes, H / stride, W / stride]. Its input is added
 * before the last ReLU, through a 1x1 convolution where the shape changes. The 3x3 one has the stride, as in torchvision. He et al., 2015.
 */
export class Bottleneck extends Module {
  static override readonly name: string = 'Bottleneck';
  static readonly pure = true;
  /** How many times its planes a block gives. */
  static readonly expansion = 4;

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu1 = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly relu2 = new ReLU();
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  /** A convolution and its batch normalisation, where the shape changes. */
  readonly downsample?: Sequential;
  readonly skipAddRelu = new FloatFunctional();

  constructor(inplanes: number, planes: number, stride = 1) {
    super();
    const out = planes * Bottleneck.expansion;
    this.conv1 = new Conv2d(inplanes, planes, 1, { bias: false });
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = new Conv2d(planes, planes, 3, { stride, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(planes);
    this.conv3 = new Conv2d(planes, out, 1, { bias: false });
    this.bn3 = new BatchNorm2d(out);
    if (stride !== 1 || inplanes !== out) {
      this.downsample = new Sequential(
        new Conv2d(inplanes, out, 1, { stride, bias: false }),
        new BatchNorm2d(out),
      );
    }
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const shortcut = this.downsample ? this.downsample.call(x) : x;
      const narrow = this.relu1.call(this.bn1.call(this.conv1.call(x)));
      const y = this.relu2.call(this.bn2.call(this.conv2.call(narrow)));
      return this.skipAddRelu.addRelu(this.bn3.call(this.conv3.call(y)), shortcut);
    });
  }

  /** Fuses the three convolutions with what follows them, and that of the shortcut. */
  fuseModel(): void {
    fuseLayers(this, ['conv1', 'bn1', 'relu1']);
    fuseLayers(this, ['conv2', 'bn2', 'relu2']);
    fuseLayers(this, ['conv3', 'bn3']);
    if (this.downsample) fuseLayers(this.downsample, ['0', '1']);
  }
}
