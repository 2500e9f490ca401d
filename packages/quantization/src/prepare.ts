import { ArgumentError, QuantizationError, warnOnce } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { FakeQuantizeBase } from './fake-quantize';
import { FloatFunctional } from './float-functional';
import { FusedModule } from './intrinsic';
import { defaultQatMapping, defaultStaticMapping } from './mappings';
import { attachObserver, outputObserver } from './observed';
import { propagateQConfig, QConfigMapping, qconfigOf } from './qconfig-mapping';

export interface PrepareOptions {
  /** Change the model itself rather than a copy. */
  inplace?: boolean;
}

/**
 * Puts observers after the layers that will run in int8; then show the result some real data and `convert` it.
 *
 * Recipes come from `mapping`, or from the modules' `qconfig` fields (a module without one takes its parent's, null leaves
 * it in float).
 * @throws QuantizationError in training mode, without any recipe, or if it was prepared before
 */
export function prepare<M extends AnyModule>(
  model: M,
  mapping?: QConfigMapping,
  { inplace = false }: PrepareOptions = {},
): M {
  if (model.training) {
    throw new QuantizationError({
      op: 'prepare',
      expected: 'a model in evaluation mode',
      found: 'training mode',
      fix: 'Call model.eval() (and fuseModules) first; to train with quantization, use prepareQat.',
    });
  }
  const target = configured('prepare', model, mapping, inplace);
  insertObservers(target);
  return target;
}

/**
 * Swaps layers for ones that train with quantized weights, and puts the activations' fake quantizers after them.
 *
 * @throws QuantizationError in evaluation mode, without any recipe, or if it was prepared before
 */
export function prepareQat<M extends AnyModule>(
  model: M,
  mapping?: QConfigMapping,
  { inplace = false }: PrepareOptions = {},
): M {
  if (!model.training) {
    throw new QuantizationError({
      op: 'prepareQat',
      expected: 'a model in training mode',
      found: 'evaluation mode',
      fix: 'Call model.train() first. For quantization without training, use prepare.',
    });
  }
  const target = configured('prepareQat', model, mapping, inplace);
  swapForTraining(target);
  insertObservers(target, true);
  warnOfPlainObservers(target);
  return target;
}

function configured<M extends AnyModule>(
  op: string,
  model: M,
  mapping: QConfigMapping | undefined,
  inplace: boolean,
): M {
  if (mapping !== undefined && !(mapping instanceof QConfigMapping)) {
    throw new ArgumentError({
      op,
      expected: 'a QConfigMapping',
      found: typeof mapping,
      fix: `Use getDefaultQConfigMapping(), or set model.qconfig and call ${op}(model).`,
    });
  }
  const before = model.modules().find((m) => outputObserver(m) !== undefined);
  if (before) {
    throw new QuantizationError({
      op,
      expected: 'a model without observers',
      found: `one on ${before.constructor.name}: it was prepared before`,
      fix: 'Prepare the float model, once.',
    });
  }
  const target = inplace ? model : model.clone();
  mapping?.applyTo(target);
  propagateQConfig(target);
  if (!target.modules().some((m) => qconfigOf(m))) {
    throw new QuantizationError({
      op,
      expected: 'a QConfig',
      found: 'none in the model',
      fix: `Set model.qconfig = ${op === 'prepareQat' ? 'getDefaultQatQConfig()' : 'getDefaultQConfig()'}, or pass a QConfigMapping.`,
    });
  }
  return target;
}

function insertObservers(module: AnyModule, training = false): void {
  for (const child of module.children()) {
    const qconfig = qconfigOf(child);
    const rule = defaultStaticMapping.get(child.constructor as never);
    if (rule) {
      if (!qconfig || outputObserver(child)) continue;
      if (training && rule.fixed) attachObserver(child, rule.fixed());
      if (!rule.observe) continue;
      if (child instanceof FloatFunctional) child.activationPostProcess = qconfig.activation();
      else attachObserver(child, qconfig.activation());
    } else if (!(child instanceof FusedModule)) insertObservers(child, training);
  }
}

function swapForTraining(module: AnyModule): void {
  for (const [name, child] of module.namedChildren()) {
    const qconfig = qconfigOf(child);
    const swap = defaultQatMapping.get(child.constructor as never);
    if (swap && qconfig) module.setSubmodule(name, swap(child, qconfig));
    else if (!(child instanceof FusedModule)) swapForTraining(child);
  }
}

function warnOfPlainObservers(model: AnyModule): void {
  const plain = model.modules().find((m) => {
    const observer = outputObserver(m);
    return observer && !(observer instanceof FakeQuantizeBase);
  });
  if (!plain) return;
  warnOnce(
    'prepareQat plain observers',
    `prepareQat: the QConfig has plain observers (${outputObserver(plain)?.constructor.name}), which watch but don't ` +
      'simulate quantization: this trains a float model. For quantization-aware training use getDefaultQatQConfig() ' +
      'or FakeQuantize.withArgs({ observer, … }).',
  );
}
