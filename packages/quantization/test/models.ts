import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, Module, ReLU, Sequential } from '@octet/nn';
import type { Tensor } from '@octet/tensor';
import { DeQuantStub, FloatFunctional, fuseModules, fuseModulesQat, QuantStub } from '../src';

/** Every kind of place that quantization knows: conv-bn-relu, conv-bn, depthwise, a sum, pooling, linear-relu, linear. */
export class SmallNet extends Module {
  readonly quant = new QuantStub();
  readonly stem = new Sequential(
    new Conv2d(3, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
  );
  readonly depthwise = new Sequential(new Conv2d(8, 8, 3, { padding: 1, groups: 8 }), new BatchNorm2d(8));
  readonly skipAdd = new FloatFunctional();
  readonly pool = new AdaptiveAvgPool2d(1);
  readonly flatten = new Flatten();
  readonly hidden = new Sequential(new Linear(8, 7), new ReLU());
  readonly head = new Linear(7, 4);
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const h = this.stem.call(this.quant.call(x));
    const sum = this.skipAdd.add(h, this.depthwise.call(h));
    return this.dequant.call(this.head.call(this.hidden.call(this.flatten.call(this.pool.call(sum)))));
  }

  fuseModel(): this {
    const fuse = this.training ? fuseModulesQat : fuseModules;
    fuse(this, [
      ['stem.0', 'stem.1', 'stem.2'],
      ['depthwise.0', 'depthwise.1'],
      ['hidden.0', 'hidden.1'],
    ]);
    return this;
  }
}
