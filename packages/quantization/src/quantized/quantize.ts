import { Module } from '@octet/nn/modules';
import { contiguous, dequantize, quantizePerTensor, type Tensor, tidy } from '@octet/tensor/functional';
import { DeQuantStub, QuantStub } from '../stubs';
import { QuantizedOutput } from './with-output';

/** float32 → quint8: what a QuantStub becomes. Images come out channels last, as int8 kernels want them. */
export class Quantize extends QuantizedOutput {
  static override readonly name: string = 'Quantize';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    return tidy(() => {
      const y = quantizePerTensor(x, this.scale, this.zeroPoint, 'quint8');
      return x.dim === 4 ? contiguous(y, { memoryFormat: 'channelsLast' }) : y;
    });
  }

  toFloat(): QuantStub {
    return new QuantStub().train(this.training);
  }
}

/** Integers → float32: what a DeQuantStub becomes. */
export class DeQuantize extends Module {
  static override readonly name: string = 'DeQuantize';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    return dequantize(x);
  }

  toFloat(): DeQuantStub {
    return new DeQuantStub().train(this.training);
  }
}
