import { checkOptions, QuantizationError, warn, warnOnce } from '@octet/backend';
import {
  type AnyModule,
  BatchNorm1d,
  BatchNorm2d,
  GELU,
  Hardsigmoid,
  LayerNorm,
  LogSoftmax,
  requireModule,
  Softmax,
} from '@octet/nn';
import { FakeQuantizeBase } from './fake-quantize';
import { FloatFunctional } from './float-functional';
import { ConvBn2d, ConvBnReLU2d } from './intrinsic';
import { defaultQatMapping, defaultStaticMapping, isStatic, type ModuleClass } from './mappings';
import { attachObserver, outputObserver, watchPasses } from './observed';
import { propagateQConfig, type QConfigMapping, qconfigOf, requireMapping } from './qconfig-mapping';
import { QuantStub } from './stubs';
import { layersOf, named, swapLayers } from './swap';

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
  options?: PrepareOptions,
): M {
  const { inplace = false } = checkOptions('prepare', options, 'inplace');
  requireModule('prepare', model);
  if (model.training) {
    throw new QuantizationError({
      op: 'prepare',
      expected: 'a model in evaluation mode',
      found: 'training mode',
      fix: 'Call model.eval() (and fuseModules) first; to train with quantization, use prepareQat.',
    });
  }
  const target = configured('prepare', model, mapping, inplace);
  insertObservers('prepare', target);
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
  options?: PrepareOptions,
): M {
  const { inplace = false } = checkOptions('prepareQat', options, 'inplace');
  requireModule('prepareQat', model);
  if (!model.training) {
    throw new QuantizationError({
      op: 'prepareQat',
      expected: 'a model in training mode',
      found: 'evaluation mode',
      fix: 'Call model.train() first. For quantization without training, use prepare.',
    });
  }
  const target = configured('prepareQat', model, mapping, inplace);
  const swaps = new Map<AnyModule, AnyModule>();
  for (const [, module] of layersOf(target, isStatic)) {
    const qconfig = qconfigOf(module);
    const swap = defaultQatMapping.get(module.constructor as ModuleClass);
    if (qconfig && swap) swaps.set(module, swap(module, qconfig));
  }
  const swapped = swapLayers('prepareQat', target, swaps, inplace);
  insertObservers('prepareQat', swapped);
  warnOfPlainObservers(swapped);
  return swapped;
}

type Op = 'prepare' | 'prepareQat';

function configured<M extends AnyModule>(
  op: Op,
  model: M,
  mapping: QConfigMapping | undefined,
  inplace: boolean,
): M {
  if (mapping !== undefined) {
    requireMapping(
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
  return target;
}

function insertObservers(op: Op, model: AnyModule): void {
  const layers = layersOf(model, isStatic).flatMap(([path, module]) => {
    const qconfig = qconfigOf(module);
    return qconfig ? [{ path, module, qconfig }] : [];
  });
  const unfolded = layers.find(({ module }) => module instanceof ConvBn2d || module instanceof ConvBnReLU2d);
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
    const rule = defaultStaticMapping.get(module.constructor as ModuleClass);
    if (op === 'prepareQat' && rule?.fixed) attachObserver(module, rule.fixed());
    if (!rule?.observe) continue;
    if (module instanceof FloatFunctional) module.activationPostProcess = qconfig.activation();
    else attachObserver(module, qconfig.activation());
    if (!(module instanceof QuantStub)) quantized++;
  }
  watchPasses(model);
  const floats = layers.filter(({ module }) => hasNoInt8Form(module));
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

/** Layers of nn whose ops take no integers, and that needn't have tensors, by which others are known. */
const floatOnly: readonly ModuleClass[] = [
  BatchNorm1d,
  BatchNorm2d,
  GELU,
  Hardsigmoid,
  LayerNorm,
  LogSoftmax,
  Softmax,
];

/** Whether a layer certainly can't run on integers: of `floatOnly`, a subclass of one that is converted, or with float tensors. */
function hasNoInt8Form(module: AnyModule): boolean {
  if (isStatic(module)) return false;
  const isA = (type: ModuleClass) => module instanceof type;
  const isLeaf = module.children().length === 0;
  return (
    floatOnly.some(isA) ||
    [...defaultStaticMapping.keys()].some(isA) ||
    (isLeaf && module.parameters().length + module.buffers().length > 0)
  );
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
