import { QuantizationError } from '@octet/backend';
import { type AnyModule, Conv2d, Linear, Parameter } from '@octet/nn';
import { convert, type ModuleRule, type ModuleRules, moduleRules } from '@octet/quantization';
import { zeros } from '@octet/tensor';
import { isInt8, type LayerPair, layerPairs, typeName } from '../layers';
import { toFloatModel } from '../to-float-model';

/** A prepared model's float form, its int8 form, and the layers that have an int8 weight. */
export interface ConvertedPair<M> {
  readonly float: M;
  readonly int8: M;
  readonly layers: readonly LayerPair[];
  readonly rules: ModuleRules;
}

/**
 * Of a model that was prepared and calibrated; it isn't changed. All weighted layers of both forms have biases.
 *
 * @throws QuantizationError if the model wasn't prepared for conversion, wasn't calibrated, or has no such layers
 */
export async function convertPair<M extends AnyModule>(
  op: string,
  prepared: M,
  own: readonly ModuleRule[] | undefined,
): Promise<ConvertedPair<M>> {
  const rules = moduleRules(op, own);
  requireNoTraining(op, prepared, rules);
  const copy = prepared.clone();
  for (const module of copy.modules()) giveBias(module);
  const int8 = await convert(copy, own && { rules: own });
  const float = toFloatModel(copy, int8, own);
  // A layer in several places is one.
  const layers = new Map(
    layerPairs(float, int8, rules).flatMap((pair) =>
      isInt8(pair) && rules.scaledBy(pair.float) ? [[pair.float, pair] as const] : [],
    ),
  );
  if (layers.size > 0) return { float, int8, layers: [...layers.values()], rules };
  throw new QuantizationError({
    op,
    expected: 'convolutions or linear layers that will be int8',
    found: 'none',
    fix: 'Give them a qconfig when preparing: see QConfigMapping.',
  });
}

/** @throws QuantizationError for a model in training, or prepared for it */
export function requireNoTraining(op: string, model: AnyModule, rules: ModuleRules): void {
  const trained = model.modules().find((module) => rules.isTrained(module));
  if (!trained && !model.training) return;
  throw new QuantizationError({
    op,
    expected: 'a model of prepare()',
    found: trained ? `one of prepareQat() (${typeName(trained)})` : 'training mode',
    fix: 'Remedies are for quantization after training: fuse and prepare the model in evaluation mode.',
  });
}

export type WeightLayer = Conv2d | Linear;

function giveBias(module: AnyModule): void {
  if (!(module instanceof Conv2d || module instanceof Linear)) return;
  const { weight } = module;
  module.bias ??= new Parameter(zeros([weight.shape[0]], { backend: weight.backend }));
}
