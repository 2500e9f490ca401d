import type { Tensor } from '@octet/tensor';
import { BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential } from '../src';

/** Conv, normalisation, activation: a `Sequential` with a constructor of its own. */
export class ConvBNReLU extends Sequential {
  constructor(nIn: number, nOut: number, { stride = 1 } = {}) {
    super(new Conv2d(nIn, nOut, 3, { stride, padding: 1, bias: false }), new BatchNorm2d(nOut), new ReLU());
  }
}

/** A small model of everything that occurs: nesting, lists, fields after `super`, a residual sum. */
export class Model extends Module {
  readonly layers = new Sequential(new ConvBNReLU(2, 4, { stride: 2 }), new ConvBNReLU(4, 4));
  readonly lastLinear = new Linear(4, 3);

  forward(x: Tensor) {
    const y = this.layers[0].call(x);
    return this.lastLinear.call(y.add(this.layers[1].call(y)).mean([2, 3]));
  }
}
