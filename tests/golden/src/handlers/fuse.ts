import { fuseModules } from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { type LayerParams, Layers } from './layers';

/** Evaluation mode: the output before and after, and the layer that is left. */
export const fuse: Handler<LayerParams> = (c) =>
  noGrad(() => {
    const model = new Layers(c.params).eval();
    model.loadStateDict(c.tensors('state.'), { strict: false });
    const x = c.tensor('x');
    const unfused = model.call(x);
    fuseModules(model, model.names);
    const [weight, bias] = model.parameters();
    return { y_unfused: unfused, y: model.call(x), weight, bias };
  });
