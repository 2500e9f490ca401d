import { QuantizationError } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { calibrate, moduleRules, prepareFx } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { correctBias } from '../remedies/correct-bias';
import { equalize } from '../remedies/equalize';
import { gptq } from '../remedies/gptq';
import { smoothQuant } from '../remedies/smooth-quant';
import { type AnyGraph, layersWithWeights, mappingOf, type Recipe, recurrentLayers } from './simulation';

/** A fused float graph with the weights that a recipe asks for, made of the inputs of a calibration. */
export class Refiner {
  private readonly made = new Map<string, Promise<AnyGraph>>();

  constructor(
    private readonly fused: AnyGraph,
    private readonly inputs: readonly ModelInput[],
    /** Waited for; it throws to end. */
    private readonly breathe: (what: string, done: number, total: number) => unknown,
    /** By `Date.now()`: rounding may take a third of the time that is left. */
    private readonly until = Number.POSITIVE_INFINITY,
  ) {}

  /** It computes what the float model does. */
  exact({ smooth, equalized, rules }: Recipe): Promise<AnyGraph> {
    const own = rules && { rules };
    return this.once(`${smooth} ${equalized}`, async () => {
      if (smooth === undefined && !equalized) return this.fused;
      const copy = this.fused.clone();
      if (smooth !== undefined)
        await smoothQuant(copy, this.inputs, { alpha: smooth, skipRelu6: true, ...own });
      if (equalized) await equalize(copy, this.inputs[0], { skipRelu6: true, ...own });
      return copy;
    });
  }

  /**
   * With rounded weights, if the recipe has them, in layers that it makes int8.
   *
   * @throws QuantizationError if it takes too long
   */
  async rounded(recipe: Recipe): Promise<AnyGraph> {
    const { rounded, inFloat, named, int4, int4Rounded } = recipe;
    const exact = await this.exact(recipe);
    if (!rounded && !int4Rounded) return exact;
    const copy = (rounded ? await this.byGptq(recipe, exact) : exact).clone();
    const known = layersWithWeights(exact);
    const take = (paths: Iterable<string>, from: AnyGraph) => {
      for (const path of paths)
        if (known.includes(path)) copy.setSubmodule(path, from.getSubmodule(path).clone());
    };
    if (rounded) take([...inFloat, ...named.keys(), ...int4.keys()], exact);
    if (int4Rounded)
      for (const groupSize of new Set(int4.values()))
        take(
          [...int4].flatMap(([path, size]) => (size === groupSize ? [path] : [])),
          await this.byGptq(recipe, exact, groupSize),
        );
    return copy;
  }

  private byGptq(
    { smooth, equalized, rules, qconfig }: Recipe,
    exact: AnyGraph,
    groupSize?: number,
  ): Promise<AnyGraph> {
    return this.once(`${smooth} ${equalized} rounded ${groupSize}`, async () => {
      const copy = exact.clone();
      const start = Date.now();
      const end = start + (this.until - start) / 3;
      const onProgress = async (done: number, total: number) => {
        await this.breathe('gptq', done, total);
        if (Date.now() > end && done < total) throw tooLong(done, total);
      };
      const more = { ...(rules && { rules }), ...(groupSize && { groupSize }) };
      await gptq(copy, this.inputs, { qconfig, onProgress, ...more });
      return copy;
    });
  }

  /** With corrected biases, too, if the recipe has them. */
  async of(recipe: Recipe): Promise<AnyGraph> {
    const { corrected, inFloat, weightOnly, dynamic, int4, rules } = recipe;
    const model = await this.rounded(recipe);
    const others = [...inFloat, ...weightOnly, ...dynamic, ...int4.keys(), ...recurrentLayers(model)];
    const paths = layersWithWeights(model);
    if (!corrected || paths.every((path) => others.includes(path))) return model;
    const own = rules && { rules };
    const prepared = prepareFx(model, mappingOf(recipe), own);
    await calibrate(prepared, this.inputs);
    await correctBias(prepared, this.inputs, own);
    const copy = model.clone();
    const known = moduleRules('quantize', rules);
    for (const path of paths) {
      const from = known.scaledBy(prepared.getSubmodule(path) as AnyModule);
      const to = known.scaledBy(copy.getSubmodule(path) as AnyModule);
      if (!from?.bias || !to) continue;
      if (to.bias) noGrad(() => (to.bias as Tensor).copy_(from.bias as Tensor));
      else to.bias = from.bias;
    }
    return copy;
  }

  private once(key: string, make: () => Promise<AnyGraph>): Promise<AnyGraph> {
    const made = this.made.get(key) ?? make();
    this.made.set(key, made);
    return made;
  }
}

function tooLong(done: number, total: number): QuantizationError {
  return new QuantizationError({
    op: 'gptq',
    expected: 'to be done in a third of the time that is left',
    found: `${done} of ${total} layers by then`,
    fix: 'Give quantize a larger budget.',
  });
}
