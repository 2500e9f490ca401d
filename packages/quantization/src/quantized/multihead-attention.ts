import { Buffer, type StateLoader } from '@octet/nn/modules';
import {
  dequantize,
  mean,
  noGrad,
  type QParams,
  quantizePerTensor,
  requirePerTensor,
  type Tensor,
} from '@octet/tensor/functional';
import { requantize } from '../functional/pointwise';
import { readQparams } from '../observed';
import { MinMaxObserver } from '../observers';
import { QuantizableMultiheadAttention } from '../quantizable/multihead-attention';
import type { QuantizedLinear } from './linear';

/**
 * Attention whose products are int8: query, key and value quint8 → [y, weights] quint8. What `convert` makes of
 * `quantizable.MultiheadAttention`. A learned key and value, `biasK` and `biasV`, are quint8 at scales of their own, and take those of
 * the keys and values behind which they stand.
 */
export class QuantizedMultiheadAttention extends QuantizableMultiheadAttention {
  static override readonly name: string = 'QuantizedMultiheadAttention';

  /**
   * The layer of the same modules, as PyTorch's `from_observed`; `path` names it in messages.
   * @throws QuantizationError for a learned key or value with NaN or infinity
   */
  static async fromObserved(
    observed: QuantizableMultiheadAttention,
    path = '',
  ): Promise<QuantizedMultiheadAttention> {
    const quint8 = async (of: 'K' | 'V') => {
      const row = observed[`bias${of}`]?.detach();
      if (!row) return undefined;
      const observer = new MinMaxObserver({ dtype: 'quint8' });
      noGrad(() => observer.call(row));
      const { scale, zeroPoint } = await readQparams('convert', `${path}.bias${of}`, observer);
      return new Buffer(quantizePerTensor(row, scale[0], zeroPoint[0], 'quint8'));
    };
    const [biasK, biasV] = [await quint8('K'), await quint8('V')];
    const made = Object.create(QuantizedMultiheadAttention.prototype) as QuantizedMultiheadAttention;
    return Object.assign(made, observed, { biasK, biasV });
  }

  protected override rowBehind(of: 'K' | 'V'): Tensor | undefined {
    const row = this[`bias${of}`];
    const { scale, zeroPoint } = this[`linear_${of}`] as unknown as QuantizedLinear;
    return row && dequantize(requantize(row, { scale, zeroPoint }));
  }

  /** PyTorch's mean over heads is one of floats: of two heads half of the sums are half-way numbers. */
  protected override shownWeights(weights: Tensor, average: boolean): Tensor {
    const each = super.shownWeights(weights, false);
    if (!average) return each;
    const { scale, zeroPoint } = requirePerTensor('quantized.MultiheadAttention', each.qparams as QParams);
    return quantizePerTensor(mean(dequantize(each), 1), scale, zeroPoint, 'quint8');
  }

  /** Where keys or values have a width of their own PyTorch's file has their float weights too: they are passed over. */
  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    for (const part of 'qkv') if (load.has(`${part}_proj_weight`)) load.take(`${part}_proj_weight`);
  }
}
