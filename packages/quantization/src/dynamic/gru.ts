import { GRU, type GRUOptions } from '@octet/nn/modules';
import { dynamicGruLayer } from '../functional/gru';
import { dynamicRecurrent } from './recurrent';

/** A GRU with int8 weights that quantizes inputs and hidden state at every product; gates and state stay in float. */
export class DynamicQuantizedGRU extends /* @__PURE__ */ dynamicRecurrent<GRU, GRUOptions>('layer', GRU, {
  layerKernel: (gates, weight, [h0], options) =>
    gates.backend.kernels.qgruDynamic && dynamicGruLayer(gates, weight, h0, options),
}) {
  static override readonly name: string = 'DynamicQuantizedGRU';
}
