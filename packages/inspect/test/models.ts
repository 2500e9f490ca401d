import { Conv2d, Flatten, Linear, Module, ReLU, Sequential } from '@octet/nn';
import { DeQuantStub, FloatFunctional, fuse, QuantStub } from '@octet/quantization';
import { manualSeed, randn, type Tensor } from '@octet/tensor';

/** Two convolutions around a sum, and a linear layer: every kind of layer, in odd sizes. */
export class Net extends Module {
  readonly quant = new QuantStub();
  readonly first = new Sequential(new Conv2d(2, 5, 3, { padding: 1 }), new ReLU());
  readonly second = new Sequential(new Conv2d(5, 5, 1));
  readonly skip = new FloatFunctional();
  readonly head = new Sequential(new Flatten(), new Linear(45, 7));
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const a = this.first.call(this.quant.call(x));
    return this.dequant.call(this.head.call(this.skip.add(a, this.second.call(a))));
  }
}

/** In evaluation mode, not fused; the same at every call. */
export function createNet(): Net {
  manualSeed(1);
  return new Net().eval();
}

export const fusedNet = () => fuse(createNet());

export function batches(count: number, seed = 2): Tensor[] {
  manualSeed(seed);
  return Array.from({ length: count }, () => randn([3, 2, 3, 3]));
}
