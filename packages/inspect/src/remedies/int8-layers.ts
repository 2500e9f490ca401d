import { QuantizationError } from '@octet/backend';
import { type AnyModule, Conv2d, Linear, Parameter } from '@octet/nn';
import { convert, qat } from '@octet/quantization';
import { zeros } from '@octet/tensor';
import { floatTwin } from '../float-twin';
import { isInt8, type LayerPair, layerPairs, typeName, weighted } from '../layers';

/** A prepared model's float form, its int8 form, and the layers that have an int8 weight. */
export interface BothForms<M> {
  readonly float: M;
  readonly int8: M;
  readonly layers: readonly LayerPair[];
}

/**
 * Of a model that was prepared and calibrated; it isn't changed. All weighted layers of both forms have biases.
 *
 * @throws QuantizationError if the model wasn't prepared for conversion, wasn't calibrated, or has no such layers
 */
export async function bothForms<M extends AnyModule>(op: string, prepared: M): Promise<BothForms<M>> {
  requireNoTraining(op, prepared);
  const copy = prepared.clone();
  for (const module of copy.modules()) giveBias(module);
  const int8 = await convert(copy);
  const float = floatTwin(copy, int8);
  // A layer in several places is one.
  const layers = new Map(
    layerPairs(float, int8).flatMap((pair) =>
      isInt8(pair) && holderOf(pair.float) ? [[pair.float, pair] as const] : [],
    ),
  );
  if (layers.size > 0) return { float, int8, layers: [...layers.values()] };
  throw new QuantizationError({
    op,
    expected: 'convolutions or linear layers that will be int8',
    found: 'none',
    fix: 'Give them a qconfig when preparing: see QConfigMapping.',
  });
}

/** @throws QuantizationError for a model in training, or prepared for it */
export function requireNoTraining(op: string, model: AnyModule): void {
  const trained = model.modules().find((m) => m instanceof qat.Conv2d || m instanceof qat.Linear);
  if (!trained && !model.training) return;
  throw new QuantizationError({
    op,
    expected: 'a model of prepare()',
    found: trained ? `one of prepareQat() (${typeName(trained)})` : 'training mode',
    fix: 'Remedies are for quantization after training: fuse and prepare the model in evaluation mode.',
  });
}

export type Weighted = Conv2d | Linear;

/** The convolution or linear layer that a layer is, or has before its ReLU; undefined for other layers. */
export function holderOf(layer: AnyModule): Weighted | undefined {
  const holder = weighted(layer);
  return holder instanceof Conv2d || holder instanceof Linear ? holder : undefined;
}

function giveBias(module: AnyModule): void {
  if (!(module instanceof Conv2d || module instanceof Linear)) return;
  const { weight } = module;
  module.bias ??= new Parameter(zeros([weight.shape[0]], { backend: weight.backend }));
}
