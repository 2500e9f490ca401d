import { checkOptions } from '@octet/backend';
import {
  type AttentionCallOptions,
  Linear,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  Parameter,
  skipInit,
} from '@octet/nn/modules';
import { cat, clone, slice, type Tensor, tidy } from '@octet/tensor/functional';
import { FloatFunctional } from '../float-functional';
import { toFloat } from '../module-rules';
import { DeQuantStub, QuantStub } from '../stubs';

const OP = 'quantizable.MultiheadAttention';

/**
 * A `MultiheadAttention` of layers that can be observed one by one: PyTorch's `torch.ao.nn.quantizable.MultiheadAttention`, which `prepare` puts
 * in the place of one. Its four products run in int8 once it is converted, and take and give quint8, as the weights of the keys are then; what
 * is between them, softmax(q · kᵀ + masks) · v, stays in float.
 */
export class QuantizableMultiheadAttention extends MultiheadAttention {
  static override readonly name: string = 'QuantizableMultiheadAttention';
  static override readonly pure = true;

  // PyTorch's names, as state dicts have them.
  linear_Q: Linear;
  linear_K: Linear;
  linear_V: Linear;
  readonly qScalingProduct = new FloatFunctional();
  readonly quantAttnOutput = new QuantStub();
  readonly quantAttnOutputWeights = new QuantStub();
  readonly dequantQ = new DeQuantStub();
  readonly dequantK = new DeQuantStub();
  readonly dequantV = new DeQuantStub();

  /** @throws ArgumentError for sizes below 1, an embedDim that numHeads doesn't divide, or a dropout outside of 0 to 1 */
  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions) {
    super(
      embedDim,
      numHeads,
      checkOptions(OP, options, 'dropout bias addBiasKv addZeroAttn kdim vdim batchFirst'),
    );
    const linear = (inputs: number) => new Linear(inputs, embedDim, { bias: this.inProjBias !== undefined });
    this.linear_Q = linear(embedDim);
    this.linear_K = linear(this.kdim);
    this.linear_V = linear(this.vdim);
    for (const name of ['inProjWeight', 'qProjWeight', 'kProjWeight', 'vProjWeight', 'inProjBias'] as const)
      this[name] = undefined;
  }

  /** The layer with the parameters of a float one. */
  static fromFloat(float: MultiheadAttention): QuantizableMultiheadAttention {
    const { embedDim: E, numHeads, inProjWeight, inProjBias, outProj, biasK, biasV } = float;
    const made = skipInit(() => new QuantizableMultiheadAttention(E, numHeads, attentionOptionsOf(float)));
    for (const [i, part] of (['Q', 'K', 'V'] as const).entries()) {
      const layer = made[`linear_${part}`];
      const rows = (t: Tensor) => new Parameter(clone(slice(t.detach(), 0, i * E, (i + 1) * E)));
      const own = float[`${part.toLowerCase() as 'q' | 'k' | 'v'}ProjWeight`];
      layer.weight = own ?? rows(inProjWeight as Tensor);
      layer.bias = inProjBias && rows(inProjBias);
    }
    return Object.assign(made, { outProj, biasK, biasV }).train(float.training);
  }

  override forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    options: AttentionCallOptions = {},
  ): [y: Tensor, weights: Tensor | undefined] {
    const names = 'keyPaddingMask needWeights attnMask averageAttnWeights isCausal';
    const { needWeights = true, ...rest } = checkOptions(OP, options, names);
    // The weights are observed whether wanted or not, as in PyTorch: who calls the int8 layer may want them.
    const made = tidy(() => {
      const [y, weights] = super.forward(query, key, value, { ...rest, needWeights: true });
      return needWeights ? [y, weights as Tensor] : [y];
    });
    return [made[0], made[1]];
  }

  protected override projections(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    const q = this.qScalingProduct.mulScalar(this.linear_Q.call(query), super.scoreScale);
    return [
      this.dequantQ.call(q),
      this.dequantK.call(this.linear_K.call(key)),
      this.dequantV.call(this.linear_V.call(value)),
    ];
  }

  /** It is in the queries. */
  protected override get scoreScale(): number {
    return 1;
  }

  protected override shownWeights(weights: Tensor, average: boolean): Tensor {
    return super.shownWeights(this.quantAttnOutputWeights.call(weights), average);
  }

  protected override output(rows: Tensor): Tensor {
    return super.output(this.quantAttnOutput.call(rows));
  }

  /** The float layer. */
  toFloat(): MultiheadAttention {
    const parts = [this.linear_Q, this.linear_K, this.linear_V].map((layer) => toFloat(layer) as Linear);
    const { embedDim, numHeads, training } = this;
    const made = skipInit(() => new MultiheadAttention(embedDim, numHeads, attentionOptionsOf(this)));
    const joined = (tensors: readonly Tensor[]) =>
      new Parameter(
        cat(
          tensors.map((t) => t.detach()),
          0,
        ),
      );
    const [q, k, v] = parts;
    if (made.inProjWeight) made.inProjWeight = joined(parts.map(({ weight }) => weight));
    else Object.assign(made, { qProjWeight: q.weight, kProjWeight: k.weight, vProjWeight: v.weight });
    if (made.inProjBias) made.inProjBias = joined(parts.map(({ bias }) => bias as Tensor));
    for (const of of ['K', 'V'] as const) {
      const row = this.rowBehind(of);
      made[`bias${of}`] = row && new Parameter(row.detach());
    }
    made.outProj = toFloat(this.outProj) as Linear;
    return made.train(training);
  }

  /** 0: its layers count for themselves. */
  override macs(): number {
    return 0;
  }
}

/** The options that make a layer of the same form. */
export function attentionOptionsOf(m: MultiheadAttention): MultiheadAttentionOptions {
  const { dropout, kdim, vdim, batchFirst, addZeroAttn } = m;
  const hasBias = m instanceof QuantizableMultiheadAttention ? m.linear_Q.bias : m.inProjBias;
  const [bias, addBiasKv] = [hasBias !== undefined, m.biasK !== undefined];
  return { dropout, kdim, vdim, batchFirst, addZeroAttn, bias, addBiasKv };
}
