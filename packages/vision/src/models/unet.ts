import { checkOptions } from '@octet/backend';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  Upsample,
} from '@octet/nn';
import { DeQuantStub, FloatFunctional, QuantStub } from '@octet/quantization';
import { pad, type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';
import { type Pretrained, withWeights } from './pretrained';

export interface UNetOptions {
  /** Of the input. Default: 3. */
  nChannels?: number;
  /** Channels of the output. Default: 2. */
  nClasses?: number;
  /** Whether images grow by interpolation rather than by transposed convolutions. Default: false. */
  bilinear?: boolean;
  /** The channels after the first two convolutions; twice as many at each step down. Default: 64. */
  width?: number;
}

/** Two convolutions of 3 × 3 that keep the size, each with batch normalisation and ReLU. */
class DoubleConv extends Module {
  static override readonly name: string = 'DoubleConv';
  static readonly pure = true;

  readonly doubleConv: Sequential;

  constructor(inChannels: number, outChannels: number, midChannels = outChannels) {
    super();
    this.doubleConv = new Sequential(
      new Conv2d(inChannels, midChannels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(midChannels),
      new ReLU(),
      new Conv2d(midChannels, outChannels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(outChannels),
      new ReLU(),
    );
  }

  forward(x: Tensor): Tensor {
    return this.doubleConv.call(x);
  }
}

/** Half as large, then two convolutions. */
class Down extends Module {
  static override readonly name: string = 'Down';
  static readonly pure = true;

  readonly maxpoolConv: Sequential;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.maxpoolConv = new Sequential(new MaxPool2d(2), new DoubleConv(inChannels, outChannels));
  }

  forward(x: Tensor): Tensor {
    return this.maxpoolConv.call(x);
  }
}

/** Twice as large, beside what was as large on the way down, then two convolutions. */
class Up extends Module<[below: Tensor, beside: Tensor], Tensor> {
  static override readonly name: string = 'Up';
  static readonly pure = true;

  readonly up: Upsample | ConvTranspose2d;
  readonly conv: DoubleConv;
  readonly join = new FloatFunctional();

  constructor(inChannels: number, outChannels: number, bilinear: boolean) {
    super();
    const half = Math.floor(inChannels / 2);
    this.up = bilinear
      ? new Upsample({ scaleFactor: 2, mode: 'bilinear', alignCorners: true })
      : new ConvTranspose2d(inChannels, half, 2, { stride: 2 });
    this.conv = new DoubleConv(inChannels, outChannels, bilinear ? half : outChannels);
  }

  forward(below: Tensor, beside: Tensor): Tensor {
    return tidy(() => {
      const up = this.up.call(below);
      // Sizes that no power of two divides.
      const [dy, dx] = [2, 3].map((d) => beside.shape[d] - up.shape[d]);
      const [top, left] = [Math.floor(dy / 2), Math.floor(dx / 2)];
      const fitted = dx === 0 && dy === 0 ? up : pad(up, [left, dx - left, top, dy - top]);
      return this.conv.call(this.join.cat([beside, fitted], 1));
    });
  }
}

/** The convolution of 1 × 1 to the classes. */
class OutConv extends Module {
  static override readonly name: string = 'OutConv';
  static readonly pure = true;

  readonly conv: Conv2d;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, 1);
  }

  forward(x: Tensor): Tensor {
    return this.conv.call(x);
  }
}

/**
 * Segments images, quantizable: [N, nChannels, H, W] → [N, nClasses, H, W], logits. The U-Net of Ronneberger, Fischer and Brox, 2015, with
 * padded convolutions and batch normalisation; layout and state dict are those of `milesial/Pytorch-UNet`.
 */
export class UNet extends Module {
  static override readonly name: string = 'UNet';
  static readonly pure = true;

  readonly inc: DoubleConv;
  readonly down1: Down;
  readonly down2: Down;
  readonly down3: Down;
  readonly down4: Down;
  readonly up1: Up;
  readonly up2: Up;
  readonly up3: Up;
  readonly up4: Up;
  readonly outc: OutConv;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();

  constructor(options: UNetOptions = {}) {
    super();
    const {
      nChannels = 3,
      nClasses = 2,
      bilinear = false,
      width = 64,
    } = checkOptions('UNet', options, 'nChannels nClasses bilinear width');
    const less = bilinear ? 2 : 1;
    this.inc = new DoubleConv(nChannels, width);
    this.down1 = new Down(width, 2 * width);
    this.down2 = new Down(2 * width, 4 * width);
    this.down3 = new Down(4 * width, 8 * width);
    this.down4 = new Down(8 * width, (16 * width) / less);
    this.up1 = new Up(16 * width, (8 * width) / less, bilinear);
    this.up2 = new Up(8 * width, (4 * width) / less, bilinear);
    this.up3 = new Up(4 * width, (2 * width) / less, bilinear);
    this.up4 = new Up(2 * width, width, bilinear);
    this.outc = new OutConv(width, nClasses);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const x1 = this.inc.call(this.quant.call(x));
      const x2 = this.down1.call(x1);
      const x3 = this.down2.call(x2);
      const x4 = this.down3.call(x3);
      const x5 = this.down4.call(x4);
      const y = [x4, x3, x2, x1].reduce(
        (below, beside, i) => [this.up1, this.up2, this.up3, this.up4][i].call(below, beside),
        x5,
      );
      return this.dequant.call(this.outc.call(y));
    });
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    for (const module of this.modules()) {
      if (!(module instanceof DoubleConv)) continue;
      fuseLayers(module.doubleConv, ['0', '1', '2']);
      fuseLayers(module.doubleConv, ['3', '4', '5']);
    }
  }
}

/** A U-Net; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function unet(options?: Pretrained & UNetOptions): UNet {
  const { pretrained, ...rest } = checkOptions(
    'unet',
    options,
    'nChannels nClasses bilinear width pretrained',
  );
  return withWeights(new UNet(rest), pretrained);
}
