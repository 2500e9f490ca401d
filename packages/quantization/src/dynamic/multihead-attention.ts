import { checkOptions } from '@octet/backend';
import {
  Buffer,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  Parameter,
  skipInit,
} from '@octet/nn/modules';
import { cat, clone, dequantize, slice, type Tensor } from '@octet/tensor/functional';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import { PackedWeight } from '../functional/packed-weight';
import { attentionOptionsOf } from '../quantizable/multihead-attention';
import type { DynamicQuantizedLinear } from './linear';

const parts = ['q', 'k', 'v'] as const;

/** What makes the int8 form of the layer's own weights, and of its `outProj`. */
export interface AttentionParts {
  weight(float: Tensor): Promise<Tensor>;
  outProj(float: MultiheadAttention['outProj']): Promise<DynamicQuantizedLinear>;
}

/**
 * Multi-head attention with int8 weights, whose four products quantize their inputs at every call; the attention itself is in
 * float. Wq, Wk and Wv are the buffers `qProjWeight`, `kProjWeight` and `vProjWeight`, each with scales of its own.
 */
export class DynamicQuantizedMultiheadAttention extends MultiheadAttention {
  static override readonly name: string = 'DynamicQuantizedMultiheadAttention';

  readonly reduceRange: boolean;
  private packed: readonly PackedWeight[] | undefined = undefined;

  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions & DynamicOptions) {
    const { reduceRange = false, ...rest } = checkOptions(
      'dynamic.MultiheadAttention',
      options,
      'dropout bias addBiasKv addZeroAttn kdim vdim batchFirst reduceRange',
    );
    super(embedDim, numHeads, rest);
    this.reduceRange = reduceRange;
  }

  /** `make` gives the int8 forms of the weights. */
  static async fromFloat(
    float: MultiheadAttention,
    make: AttentionParts,
    options?: DynamicOptions,
  ): Promise<DynamicQuantizedMultiheadAttention> {
    const { reduceRange = false } = checkOptions(
      'dynamic.MultiheadAttention.fromFloat',
      options,
      'reduceRange',
    );
    const { embedDim: E, numHeads } = float;
    const made = skipInit(
      () =>
        new DynamicQuantizedMultiheadAttention(E, numHeads, { ...attentionOptionsOf(float), reduceRange }),
    );
    const fields = made as unknown as Record<string, Tensor | undefined>;
    const all = float.inProjWeight?.detach();
    fields.inProjWeight = undefined;
    for (const [i, part] of parts.entries()) {
      const weight = float[`${part}ProjWeight`] ?? slice(all as Tensor, 0, i * E, (i + 1) * E);
      fields[`${part}ProjWeight`] = new Buffer(await make.weight(weight));
    }
    for (const name of ['inProjBias', 'biasK', 'biasV'] as const) {
      fields[name] = float[name] && new Buffer(float[name].detach());
    }
    made.outProj = (await make.outProj(float.outProj)) as never;
    return made.eval();
  }

  /** The float layer with the integers' numbers as weights. */
  toFloat(): MultiheadAttention {
    const { embedDim, numHeads } = this;
    const made = skipInit(() => new MultiheadAttention(embedDim, numHeads, attentionOptionsOf(this)));
    const weights = parts.map((part) => dequantize(this[`${part}ProjWeight`] as Tensor));
    if (made.inProjWeight) made.inProjWeight = new Parameter(cat(weights, 0));
    else for (const [i, part] of parts.entries()) made[`${part}ProjWeight`] = new Parameter(weights[i]);
    for (const name of ['inProjBias', 'biasK', 'biasV'] as const) {
      const own = this[name];
      if (own) made[name] = new Parameter(own.detach());
    }
    made.outProj = (this.outProj as unknown as DynamicQuantizedLinear).toFloat();
    return made.train(this.training);
  }

  protected override projections(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    const [q, k, v] = this.packedWeights();
    const options = { reduceRange: this.reduceRange };
    return [
      dynamicLinear(query, q, options),
      dynamicLinear(key, k, options),
      dynamicLinear(value, v, options),
    ];
  }

  private packedWeights(): readonly PackedWeight[] {
    const { embedDim: E, inProjBias } = this;
    this.packed ??= parts.map((part, i) => {
      const bias = inProjBias && clone(slice(inProjBias.detach(), 0, i * E, (i + 1) * E)).keep();
      return new PackedWeight('dynamic.MultiheadAttention', this[`${part}ProjWeight`] as Tensor, bias);
    });
    return this.packed;
  }

  protected override tensorsChanged(): void {
    for (const { cache } of this.packed ?? []) cache.clear();
    this.packed = undefined;
  }

  /** For `summary`. */
  get parameterCount(): number {
    return ownBuffers(this).reduce((sum, t) => sum + t.numel, 0);
  }

  get parameterBytes(): number {
    return ownBuffers(this).reduce((sum, t) => sum + t.nbytes, 0);
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.reduceRange ? ', reduceRange=true' : '');
  }
}

function ownBuffers({ qProjWeight, kProjWeight, vProjWeight, inProjBias, biasK, biasV }: MultiheadAttention) {
  const all: (Tensor | undefined)[] = [qProjWeight, kProjWeight, vProjWeight, inProjBias, biasK, biasV];
  return all.filter((t) => t !== undefined);
}
