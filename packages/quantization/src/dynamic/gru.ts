import { checkOptions } from '@octet/backend';
import { GRU, type RNNLayer, skipInit } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { dynamicGruLayer } from '../functional/gru';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import type { PackedWeight } from '../functional/packed-weight';
import {
  type DynamicRNNOptions,
  fillFloat,
  fillQuantized,
  optionNames,
  optionsOf,
  type PackedWeights,
  packedWeight,
} from './recurrent';

/** A GRU with int8 weights that quantizes inputs and hidden state at every product; gates and state stay in float. */
export class DynamicQuantizedGRU extends GRU {
  static override readonly name: string = 'DynamicQuantizedGRU';

  readonly reduceRange: boolean;
  private packed: PackedWeights = new Map();

  constructor(inputSize: number, hiddenSize: number, options?: DynamicRNNOptions) {
    const { reduceRange = false, ...rest } = checkOptions('dynamic.GRU', options, optionNames);
    super(inputSize, hiddenSize, rest);
    this.reduceRange = reduceRange;
  }

  /** `quantize` makes the int8 weight of each float one, [3·hiddenSize, inputs]. */
  static async fromFloat(
    gru: GRU,
    quantize: (weight: Tensor) => Promise<Tensor>,
    options?: DynamicOptions,
  ): Promise<DynamicQuantizedGRU> {
    const { reduceRange } = checkOptions('dynamic.GRU.fromFloat', options, 'reduceRange');
    const { inputSize, hiddenSize } = gru;
    const made = skipInit(
      () => new DynamicQuantizedGRU(inputSize, hiddenSize, { ...optionsOf(gru), reduceRange }),
    );
    await fillQuantized(made, gru, quantize);
    return made.eval();
  }

  /** The GRU with the integers' numbers as weights. */
  toFloat(): GRU {
    return fillFloat(
      skipInit(() => new GRU(this.inputSize, this.hiddenSize, optionsOf(this))),
      this,
    );
  }

  private get options(): DynamicOptions {
    return { reduceRange: this.reduceRange };
  }

  private weightOf(of: 'Ih' | 'Hh', layer: RNNLayer): PackedWeight {
    return packedWeight('dynamic.GRU', this.packed, this, of, layer);
  }

  protected override inputGates(layer: RNNLayer, x: Tensor): Tensor {
    return dynamicLinear(x, this.weightOf('Ih', layer), this.options);
  }

  protected override hiddenGates(layer: RNNLayer, h: Tensor): Tensor {
    return dynamicLinear(h, this.weightOf('Hh', layer), this.options);
  }

  protected override layerKernel(layer: RNNLayer, gates: Tensor, h0: Tensor): Tensor | undefined {
    if (!gates.backend.kernels.qgruDynamic) return undefined;
    return dynamicGruLayer(gates, this.weightOf('Hh', layer), h0, this.options);
  }

  /** For `summary`. */
  get parameterCount(): number {
    return this.buffers().reduce((sum, t) => sum + t.numel, 0);
  }

  get parameterBytes(): number {
    return this.buffers().reduce((sum, t) => sum + t.nbytes, 0);
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.reduceRange ? ', reduceRange=true' : '');
  }

  protected override tensorsChanged(): void {
    for (const { cache } of this.packed.values()) cache.clear();
    this.packed = new Map();
  }
}
