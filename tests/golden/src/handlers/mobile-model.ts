import { roundHalfEven } from '@octet/backend';
import { BatchNorm2d, Conv2d, Module, ReLU, Sequential } from '@octet/nn';
import { DeQuantStub, FloatFunctional, fuseModules, fuseModulesQat, QuantStub } from '@octet/quantization';
import type { Tensor } from '@octet/tensor';

/** `[n_in, n_out, stride, expand_ratio]` */
export type BlockParams = readonly [nIn: number, nOut: number, stride: number, expandRatio: number];

class ConvBNReLU extends Sequential {
  constructor(nIn: number, nOut: number, kernelSize: number, { stride = 1, groups = 1 } = {}) {
    super(
      new Conv2d(nIn, nOut, kernelSize, { stride, padding: (kernelSize - 1) / 2, groups, bias: false }),
      new BatchNorm2d(nOut),
      new ReLU(),
    );
  }
}

class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly skipAdd = new FloatFunctional();
  private readonly residual: boolean;

  constructor([nIn, nOut, stride, expandRatio]: BlockParams) {
    super();
    this.residual = stride === 1 && nIn === nOut;
    const hidden = roundHalfEven(nIn * expandRatio);
    this.conv = new Sequential(
      ...(expandRatio === 1 ? [] : [new ConvBNReLU(nIn, hidden, 1)]),
      new ConvBNReLU(hidden, hidden, 3, { stride, groups: hidden }),
      new Conv2d(hidden, nOut, 1, { bias: false }),
      new BatchNorm2d(nOut),
    );
  }

  override forward(x: Tensor): Tensor {
    const y = this.conv.call(x);
    return this.residual ? this.skipAdd.add(x, y) : y;
  }
}

/** The model of the fixtures: inverted residual blocks between stubs. */
export class Model extends Module {
  readonly quant = new QuantStub();
  readonly layers: Sequential;
  readonly dequant = new DeQuantStub();

  constructor(blocks: readonly BlockParams[]) {
    super();
    this.layers = new Sequential(...blocks.map((block) => new InvertedResidual(block)));
  }

  override forward(x: Tensor): Tensor {
    return this.dequant.call(this.layers.call(this.quant.call(x)));
  }

  /** Joins each convolution with the layers after it, keeping BatchNorm in training mode and folding it in evaluation. */
  fuseModel(): void {
    const fuse = this.training ? fuseModulesQat : fuseModules;
    for (const module of this.modules()) {
      if (module instanceof ConvBNReLU) fuse(module, ['0', '1', '2']);
      if (module instanceof InvertedResidual) {
        const last = module.conv.children().length - 2;
        fuse(module.conv, [`${last}`, `${last + 1}`]);
      }
    }
  }
}
