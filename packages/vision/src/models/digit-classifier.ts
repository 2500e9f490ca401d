import { ArgumentError, checkOptions } from '@octet/backend';
import { AdaptiveAvgPool2d, Flatten, Linear, Module, Sequential } from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { ConvBNReLU } from './conv-bn-relu';
import { fuseBlocks } from './fuse-blocks';
import { QInvertedResidual } from './q-inverted-residual';

export interface DigitClassifierOptions {
  numClasses?: number;
  /** Times the channels of every layer. */
  width?: number;
}

/**
 * A small network for handwritten digits, of the seed's blocks: [N, 1, 28, 28] → [N, 10]. Its input is 0 … 1, which
 * eight bits hold exactly. Most of its weights sit where the image is smallest, so that it trains in a minute on any
 * machine.
 *
 * @throws ArgumentError unless width > 0
 */
export class DigitClassifier extends Module {
  static override readonly name: string = 'DigitClassifier';
  static readonly pure = true;

  readonly layers: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();

  constructor(options: DigitClassifierOptions = {}) {
    super();
    const { numClasses = 10, width = 1 } = checkOptions('DigitClassifier', options, 'numClasses width');
    if (!(width > 0)) {
      throw new ArgumentError({
        op: 'DigitClassifier',
        expected: 'width > 0',
        found: String(width),
        fix: 'The default is 1; 0.5 halves the channels of every layer.',
      });
    }
    const c = (channels: number) => Math.max(1, Math.round(channels * width));
    this.layers = new Sequential(
      new ConvBNReLU(1, c(16), { kernelSize: 5, stride: 2 }),
      new QInvertedResidual(c(16), c(32), 2, 1),
      new QInvertedResidual(c(32), c(64), 2, 2),
      new QInvertedResidual(c(64), c(96), 2, 2),
      new QInvertedResidual(c(96), c(96), 1, 2),
      new AdaptiveAvgPool2d(1),
      new Flatten(),
      new Linear(c(96), numClasses),
    );
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.dequant.call(this.layers.call(this.quant.call(x))));
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    fuseBlocks(this);
  }
}
