import type { Clamp } from '@octet/backend';
import { ReLU, ReLU6 } from '@octet/nn/modules';
import { relu, relu6, type Tensor } from '@octet/tensor/functional';
import { RELU } from '../functional/int8';

/** The activations that fuse with what stands before them: bounds of its output. */
export type Rectifier = ReLU | ReLU6;

/** The clamp of a ReLU6. */
export const RELU6: Clamp = [0, 6];

/** The bounds that the activation sets. */
export function boundsOf(activation: Rectifier): Clamp {
  return activation instanceof ReLU6 ? RELU6 : RELU;
}

/** The activation with these bounds. */
export function rectifierOf(bounds: Clamp): Rectifier {
  return bounds[1] === RELU6[1] ? new ReLU6() : new ReLU();
}

/** What the activation with these bounds gives. */
export function rectify(x: Tensor, bounds: Clamp): Tensor {
  return bounds[1] === RELU6[1] ? relu6(x) : relu(x);
}
