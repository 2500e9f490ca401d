import { Module, Sequential } from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseBlocks } from './fuse-blocks';
import { QInvertedResidual } from './q-inverted-residual';

/** The arguments of one block. */
export type BlockSpec = readonly [nIn: number, nOut: number, stride: number, expandRatio: number];

const defaultBlocks: readonly BlockSpec[] = [
  [3, 16, 1, 2],
  [16, 32, 1, 2],
  [32, 64, 2, 2],
  [64, 128, 1, 2],
  [128, 128, 2, 2],
  [128, 256, 1, 2],
];

/** The tutorial's network: inverted residuals one after another, [N, 3, H, W] → [N, 256, H / 4, W / 4]. */
export class TutorialNet extends Module {
  static override readonly name: string = 'TutorialNet';
  static readonly pure = true;

  readonly layers: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();

  constructor(blocks: readonly BlockSpec[] = defaultBlocks) {
    super();
    this.layers = new Sequential(...blocks.map((block) => new QInvertedResidual(...block)));
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.dequant.call(this.layers.call(this.quant.call(x))));
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    fuseBlocks(this);
  }
}

/** @deprecated The old name of {@link TutorialNet}. */
export const Model = TutorialNet;
/** @deprecated The old name of {@link TutorialNet}. */
export type Model = TutorialNet;
