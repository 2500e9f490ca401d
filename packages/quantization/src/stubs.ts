import { checkOptions } from '@octet/backend';
import { Module, requireModule } from '@octet/nn/modules';
import { type Tensor, tidy } from '@octet/tensor/functional';

/** Where a model goes from float to int8: the identity, until `convert` makes it Quantize. */
export class QuantStub extends Module {
  static override readonly name: string = 'QuantStub';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('QuantStub', options);
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

/** Where a model goes back to float: the identity, until `convert` makes it DeQuantize. */
export class DeQuantStub extends Module {
  static override readonly name: string = 'DeQuantStub';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('DeQuantStub', options);
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

/** A float module between stubs: `new QuantWrapper(model)` quantizes its input and gives its output in float. */
export class QuantWrapper<M extends Module> extends Module {
  static override readonly name: string = 'QuantWrapper';
  static readonly pure = true;

  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();

  constructor(readonly module: M) {
    super();
    requireModule('QuantWrapper', module);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.dequant.call(this.module.call(this.quant.call(x))));
  }
}
