import { Module } from '@octet/nn';
import { chain, type Tensor } from '@octet/tensor';
import { DeQuantStub, QuantStub } from '../stubs';
import { QuantizedOutput } from './with-output';

/** float32 → quint8: what a QuantStub becomes. Images come out channels last, as int8 kernels want them. */
export class Quantize extends QuantizedOutput {
  static override readonly name: string = 'Quantize';
  static readonly keepsNothing = true;

  override forward(x: Tensor): Tensor {
    const y = x.quantizePerTensor(this.scale, this.zeroPoint, 'quint8');
    return x.dim === 4 ? chain(y, (q) => q.contiguous({ memoryFormat: 'channelsLast' })) : y;
  }

  toFloat(): QuantStub {
    return new QuantStub().train(this.training);
  }
}

/** Integers → float32: what a DeQuantStub becomes. */
export class DeQuantize extends Module {
  static override readonly name: string = 'DeQuantize';
  static readonly keepsNothing = true;

  override forward(x: Tensor): Tensor {
    return x.dequantize();
  }

  toFloat(): DeQuantStub {
    return new DeQuantStub().train(this.training);
  }
}
