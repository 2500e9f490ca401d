import { BatchNorm2d, Conv2d, Module, ReLU, Sequential } from '@octet/nn';
import { FloatFunctional } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';

/**
 * ShuffleNetV2's unit: [N, nIn, H, W] → [N, nOut, H / stride, W / stride]. At stride 1 half of the channels pass by and half go through
 * branch2, at stride 2 all go through both; then the channels of the halves are interleaved. Ma et al., 2018.
 */
export class ShuffleUnit extends Module {
  static override readonly name: string = 'ShuffleUnit';
  static readonly pure = true;

  readonly stride: number;
  /** Empty at stride 1. */
  readonly branch1: Sequential;
  readonly branch2: Sequential;
  readonly cat = new FloatFunctional();

  constructor(nIn: number, nOut: number, stride: number) {
    super();
    this.stride = stride;
    const half = Math.floor(nOut / 2);
    const depthwise = (channels: number) =>
      new Conv2d(channels, channels, 3, { stride, padding: 1, groups: channels, bias: false });
    const pointwise = (channels: number) => new Conv2d(channels, half, 1, { bias: false });
    this.branch1 = new Sequential(
      ...(stride === 1
        ? []
        : [depthwise(nIn), new BatchNorm2d(nIn), pointwise(nIn), new BatchNorm2d(half), new ReLU()]),
    );
    this.branch2 = new Sequential(
      pointwise(stride === 1 ? half : nIn),
      new BatchNorm2d(half),
      new ReLU(),
      depthwise(half),
      new BatchNorm2d(half),
      pointwise(half),
      new BatchNorm2d(half),
      new ReLU(),
    );
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const [passed, changed] = this.stride === 1 ? x.chunk(2, 1) : [this.branch1.call(x), x];
      return interleaved(this.cat.cat([passed, this.branch2.call(changed)], 1));
    });
  }

  /** Fuses the convolutions of both branches with what follows them. */
  fuseModel(): void {
    if (this.branch1.length > 0) {
      fuseLayers(this.branch1, ['0', '1']);
      fuseLayers(this.branch1, ['2', '3', '4']);
    }
    fuseLayers(this.branch2, ['0', '1', '2']);
    fuseLayers(this.branch2, ['3', '4']);
    fuseLayers(this.branch2, ['5', '6', '7']);
  }
}

/** Channels 0, C/2, 1, C/2 + 1, … of x [N, C, H, W]. */
function interleaved(x: Tensor): Tensor {
  const [n, c, h, w] = x.shape;
  return x
    .reshape([n, 2, c / 2, h, w])
    .transpose(1, 2)
    .reshape([n, c, h, w]);
}
