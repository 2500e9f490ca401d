import { checkOptions, QuantizationError, warn, warnOnce } from '@octet/backend';
import { type AnyModule, requireModule, skipInit } from '@octet/nn/modules';
import { moduleRules } from './default-rules';
import { FakeQuantizeBase } from './fake-quantize';
import { FloatFunctional } from './float-functional';
import type { ModuleRule, ModuleRules } from './module-rules';
import { attachObserver, outputObserver, watchPasses } from './observed';
import { propagateQConfig, type QConfigMapping, qconfigOf, requireRecipe } from './qconfig-mapping';
import { QuantStub } from './stubs';
import { layersOf, named, swapLayers } from './swap';

export interface PrepareOptions {
  /** Change the model itself rather than a copy. */
  inplace?: boolean;
  /** Rules of your own, which go before the library's. `convert` needs the same. */
  rules?: readonly ModuleRule[];
}

/**
 * Puts observers after the layers that will run in int8; then show the result some real data and `convert` it. An LSTM, LSTMCell or
 * MultiheadAttention is replaced by `quantizable.LSTM` and so on, whose layers are observed one by one.
 *
 * Recipes come from `mapping`, or from the modules' `qconfig` fields (a module without one takes its parent's, null leaves
 * it in float).
 * @throws QuantizationError in training mode, without any recipe, or if it was prepared before
 */
export function prepare<M extends AnyModule>(
  model: M,
  mapping?: QConfigMapping,
  options?: PrepareOptions,
): M {
  const { inplace = false, rules } = checkOptions('prepare', options, 'inplace rules');
  requireModule('prepare', model);
  if (model.training) {
    throw new QuantizationError({
      op: 'prepare',
      expected: 'a model in evaluation mode',
      found: 'training mode',
      fix: 'Call model.eval() (and fuseModules) first; to train with quantization, use prepareQat.',
    });
  }
  const known = moduleRules('prepare', rules);
  const target = configured('prepare', model, mapping, inplace, known);
  insertObservers('prepare', target, known);
  return target;
}

/**
 * Swaps layers for ones that train with quantized weights, and puts the activations' fake quantizers after them; an LSTM, LSTMCell or
 * MultiheadAttention is replaced as by `prepare`.
 *
 * @throws QuantizationError in evaluation mode, without any recipe, or if it was prepared before
 */
export function prepareQat<M extends AnyModule>(
  model: M,
  mapping?: QConfigMapping,
  options?: PrepareOptions,
): M {
  const { inplace = false, rules: own } = checkOptions('prepareQat', options, 'inplace rules');
  const rules = moduleRules('prepareQat', own);
  requireModule('prepareQat', model);
  if (!model.training) {
    throw new QuantizationError({
      op: 'prepareQat',
      expected: 'a model in training mode',
      found: 'evaluation mode',
      fix: 'Call model.train() first. For quantization without training, use prepare.',
    });
  }
  const target = configured('prepareQat', model, mapping, inplace, rules);
  const swaps = new Map<AnyModule, AnyModule>();
  for (const [, module] of layersOf(target, (m) => rules.isLayer(m))) {
    const qconfig = qconfigOf(module);
    const form = rules.qat(module);
    if (qconfig && form)
      swaps.set(
        module,
        skipInit(() => form.from(module, qconfig)),
      );
  }
  const swapped = swapLayers('prepareQat', target, swaps, inplace);
  insertObservers('prepareQat', swapped, rules);
  warnOfPlainObservers(swapped);
  return swapped;
}

type Op = 'prepare' | 'prepareQat';

function configured<M extends AnyModule>(
  op: Op,
  model: M,
  mapping: QConfigMapping | undefined,
  inplace: boolean,
  rules: ModuleRules,
): M {
  if (mapping !== undefined) {
    requireRecipe(
      'QConfigMapping',
      op,
      mapping,
      `Use getDefaultQConfigMapping(), or set model.qconfig and call ${op}(model).`,
    );
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
  const target = inplace ? model : model.clone({ hooks: true });
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
  return observable(op, target, inplace, rules);
}

/** The model with what can't be observed as a whole made of layers that can. */
function observable<M extends AnyModule>(op: Op, model: M, inplace: boolean, rules: ModuleRules): M {
  const swaps = new Map<AnyModule, AnyModule>();
  for (const [, module] of layersOf(model, (m) => rules.isLayer(m))) {
    const qconfig = qconfigOf(module);
    const made = qconfig && rules.observed(module);
    if (!made) continue;
    propagateQConfig(made, qconfig);
    swaps.set(module, made);
  }
  return swapLayers(op, model, swaps, inplace);
}

function insertObservers(op: Op, model: AnyModule, rules: ModuleRules): void {
  const layers = layersOf(model, (m) => rules.isLayer(m)).flatMap(([path, module]) => {
    const qconfig = qconfigOf(module);
    return qconfig ? [{ path, module, qconfig }] : [];
  });
  const unfolded = layers.find(({ module }) => rules.isTrainingOnly(module));
  if (unfolded) {
    throw new QuantizationError({
      op,
      expected: 'layers fused in evaluation mode',
      found: named(unfolded.path, unfolded.module),
      fix: 'It is for training: fuse in evaluation mode, or use prepareQat.',
    });
  }
  let quantized = 0;
  for (const { module, qconfig } of layers) {
    const rule = rules.int8(module);
    if (op === 'prepareQat' && rule?.fixed) attachObserver(module, rule.fixed());
    if (!rule?.observe) continue;
    if (module instanceof FloatFunctional) module.activationPostProcess = qconfig.activation();
    else attachObserver(module, qconfig.activation());
    if (!(module instanceof QuantStub)) quantized++;
  }
  watchPasses(model);
  const floats = layers.filter(({ module }) => rules.hasNoInt8Form(module));
  if (floats.length > 0) {
    warn(
      `${op}: no int8 form: ${floats.map(({ path, module }) => named(path, module)).join(', ')}. Between the stubs, fuse it ` +
        '(fuseModules), replace it, or leave it in float (leaveInFloat): int8 inference throws there.',
    );
  }
  if (quantized === 0) warn(`${op}: nothing to quantize in ${model.constructor.name}`);
  else if (!layers.some(({ module }) => module instanceof QuantStub)) {
    warn(
      `${op}: no QuantStub in ${model.constructor.name}: converted, it takes quint8 tensors. new QuantWrapper(model) takes floats.`,
    );
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
