import { fuseModules } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import type { GoldenCase, Handler } from '../golden-case';
import { type LayerParams, Layers } from './layers';

function loaded(c: GoldenCase<LayerParams>): Layers {
  const model = new Layers(c.params).eval();
  model.loadStateDict(c.tensors('state.'), { strict: false });
  return model;
}

/** Fuses the layers, in place; weight and bias of the one that is left. */
function fused(model: Layers): { weight: Tensor; bias: Tensor } {
  fuseModules(model, model.names);
  const [weight, bias] = model.parameters();
  return { weight, bias };
}

/** Evaluation mode: the output before and after, and the layer that is left. */
export const fuse: Handler<LayerParams> = (c) =>
  noGrad(() => {
    const model = loaded(c);
    const x = c.tensor('x');
    const unfused = model.call(x);
    const layer = fused(model);
    return { y_unfused: unfused, y: model.call(x), ...layer };
  });

/** The layer that is left alone. */
export const fold: Handler<LayerParams> = (c) => fused(loaded(c));
