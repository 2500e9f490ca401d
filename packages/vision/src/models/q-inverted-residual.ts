import { Conv2d } from '@octet/nn';
import { FloatFunctional } from '@octet/quantization';
import type { Tensor } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';
import { InvertedResidual } from './inverted-residual';

/** An InvertedResidual that can be quantized: its addition has a scale of its own. */
export class QInvertedResidual extends InvertedResidual {
  static override readonly name: string = 'QInvertedResidual';

  readonly skipAdd = new FloatFunctional();

  protected override add(x: Tensor, y: Tensor): Tensor {
    return this.skipAdd.add(x, y);
  }

  /** Fuses the last convolution with its batch normalisation. The ConvBNReLU before it fuse themselves. */
  fuseModel(): void {
    this.conv.children().forEach((layer, i) => {
      if (layer.constructor === Conv2d) fuseLayers(this.conv, [`${i}`, `${i + 1}`]);
    });
  }
}
