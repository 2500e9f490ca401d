import { checkOptions, describe, QuantizationError, requireList, warn } from '@octet/backend';
import { type AnyModule, Identity, removeHooks, requireModule } from '@octet/nn';
import { DynamicQuantizedGRU } from './dynamic/gru';
import { DynamicQuantizedLSTM } from './dynamic/lstm';
import { FloatFunctional } from './float-functional';
import { FusedIdentity } from './intrinsic';
import { defaultDynamicMapping, defaultStaticMapping, isStatic, type ModuleClass } from './mappings';
import { observerHooks, outputObserver, settleObservers } from './observed';
import { defaultDynamicQConfig, type QConfig } from './qconfig';
import { QConfigMapping, qconfigOf } from './qconfig-mapping';
import { QuantStub } from './stubs';
import { layersOf, named, type Swaps, swapLayers } from './swap';

export interface ConvertOptions {
  /** Change the model itself rather than a copy. */
  inplace?: boolean;
  /**
   * false: observers that saw nothing give scale 1 and zero point 0. For a model whose int8 state dict is loaded next:
   * `(await convert(prepare(model), { requireCalibration: false })).loadStateDict(state)`.
   */
  requireCalibration?: boolean;
}

/**
 * Turns a prepared (and calibrated or trained) model into one that runs in int8 from stub to stub, in evaluation mode.
 * Asynchronous because it reads the observers' ranges. All are read before anything changes. Hooks go along.
 *
 * @throws QuantizationError if the model wasn't prepared, a layer's observer saw no data, or a layer has a range, a weight
 * or a bias with NaN or infinity; for a model that is a layer itself with `inplace`
 */
export async function convert<M extends AnyModule>(prepared: M, options?: ConvertOptions): Promise<M> {
  const { inplace = false, requireCalibration = true } = checkOptions(
    'convert',
    options,
    'inplace requireCalibration',
  );
  requireModule('convert', prepared);
  requirePrepared(prepared, requireCalibration);
  await settleObservers(prepared);
  const target = inplace ? prepared : prepared.clone({ hooks: true });
  const swaps = new Map<AnyModule, AnyModule>();
  // Inputs first: NaN there is everywhere after, and its error should name where it comes from.
  const isInput = ([, module]: [string, AnyModule]) => Number(module instanceof QuantStub);
  for (const [path, module] of layersOf(target, isStatic).sort((a, b) => isInput(b) - isInput(a))) {
    const qconfig = qconfigOf(module);
    const rule = defaultStaticMapping.get(module.constructor as ModuleClass);
    if (qconfig && rule) swaps.set(module, await rule.convert(path, module, qconfig));
  }
  // Calibration ran through the places of layers that were fused away: from here on they cost nothing.
  const fusedAway = target.modules().filter((module) => module instanceof FusedIdentity);
  for (const module of fusedAway) swaps.set(module, new Identity());
  return finished('convert', target, swaps, inplace, [
    ...observerHooks,
    ...fusedAway.flatMap(({ hooks }) => hooks),
  ]);
}

/** The model with its layers swapped, in evaluation mode, without recipes and these hooks. */
function finished<M extends AnyModule>(
  op: string,
  target: M,
  swaps: Swaps,
  inplace: boolean,
  hooks: readonly unknown[] = [],
): M {
  const model = swapLayers(op, target, swaps, inplace);
  for (const module of model.modules()) {
    removeHooks(module, ...hooks);
    delete module.qconfig;
  }
  return model.eval();
}

function requirePrepared(model: AnyModule, calibrated: boolean): void {
  const observed = model.namedModules().flatMap(([path, module]) => {
    const observer = outputObserver(module);
    return observer ? [{ path, module, observer }] : [];
  });
  if (observed.length === 0) {
    throw new QuantizationError({
      op: 'convert',
      expected: 'a model with observers',
      found: 'one without any',
      fix: 'Call prepare() and calibrate, or prepareQat() and train, before convert(). If you did, there was nothing to quantize.',
    });
  }
  // A FloatFunctional may stand where no sum is ever taken: QFunctional tells, if it is used after all.
  const blind = observed.filter(
    ({ module, observer }) => !observer.observed && !(module instanceof FloatFunctional),
  );
  if (calibrated && blind.length > 0) {
    throw new QuantizationError({
      op: 'convert',
      expected: 'observers that have seen data',
      found: `${blind.length} of ${observed.length} that saw none: ${blind.map(({ path, module }) => path || module.constructor.name).join(', ')}`,
      fix:
        'Run calibration batches (or training steps) through the prepared model before convert(); leave out layers that ' +
        'never run with QConfigMapping.exclude. To load an int8 state dict instead, pass { requireCalibration: false }.',
    });
  }
}

export interface QuantizeDynamicOptions {
  /** Change the model itself rather than a copy. */
  inplace?: boolean;
  /** Which layers, and how: classes (all of them by `qconfig`), or a mapping. Default: Linear, LSTM and GRU. */
  layers?: Iterable<ModuleClass> | QConfigMapping;
  /** Default: inputs of 8 bits, weights per tensor. See getDefaultDynamicQConfig and perChannelDynamicQConfig. */
  qconfig?: QConfig;
}

/**
 * Gives Linear, LSTM and GRU layers int8 weights, in fused modules too; their inputs are quantized at every call by their own
 * range. Needs no data, no stubs and no calibration; the model goes on taking and returning floats. Evaluation only.
 *
 * Inputs get 8 bits, which is the more exact and what PyTorch does on the engine `qnnpack`. 7 bits, as on `x86`, are faster
 * where a backend has a product for them: `{ qconfig: getDefaultDynamicQConfig('x86') }`. Any qconfig whose activation observer
 * has `reduceRange` gives 7.
 *
 * @throws QuantizationError for a class it doesn't know, or a weight with NaN or infinity; for a model that is a layer itself
 * with `inplace`
 */
export async function quantizeDynamic<M extends AnyModule>(
  model: M,
  options?: QuantizeDynamicOptions,
): Promise<M> {
  const {
    layers = defaultDynamicMapping.keys(),
    qconfig = defaultDynamicQConfig,
    inplace = false,
  } = checkOptions('quantizeDynamic', options, 'inplace layers qconfig');
  requireModule('quantizeDynamic', model);
  if (!(layers instanceof QConfigMapping || Symbol.iterator in Object(layers))) {
    requireList('quantizeDynamic', 'layers', layers as never);
  }
  const asked = layers instanceof QConfigMapping ? undefined : [...layers];
  const mapping = layers instanceof QConfigMapping ? layers : mappingOf(asked ?? [], qconfig);
  const target = inplace ? model : model.clone({ hooks: true });
  const recipes = mapping.recipesOf(target);
  const swaps = new Map<AnyModule, AnyModule>();
  const left: string[] = [];
  for (const [path, module] of target.namedModules()) {
    const recipe = recipes.get(module);
    const rule = defaultDynamicMapping.get(module.constructor as ModuleClass);
    if (recipe && rule) swaps.set(module, await rule(path, module, recipe));
    else if (
      (asked ?? (recipe ? [...defaultDynamicMapping.keys()] : [])).some((type) => module instanceof type)
    ) {
      if (!isDynamic(module)) left.push(named(path, module));
    }
  }
  if (left.length > 0) {
    warn(`quantizeDynamic: subclasses stay in float: ${left.join(', ')}. Hold the layer in a field instead.`);
  } else if (swaps.size === 0) {
    warn(`quantizeDynamic: nothing to quantize in ${model.constructor.name}`);
  }
  return finished('quantizeDynamic', target, swaps, inplace);
}

/** Whether a layer that extends its float form is int8 already. */
function isDynamic(module: AnyModule): boolean {
  return module instanceof DynamicQuantizedLSTM || module instanceof DynamicQuantizedGRU;
}

function mappingOf(layers: Iterable<ModuleClass>, qconfig: QConfig): QConfigMapping {
  const mapping = new QConfigMapping();
  for (const type of layers) {
    mapping.setObjectType(type, qconfig);
    if (!defaultDynamicMapping.has(type)) {
      throw new QuantizationError({
        op: 'quantizeDynamic',
        expected: [...defaultDynamicMapping.keys()]
          .map((t) => t.name)
          .join(', ')
          .replace(/, (\w+)$/, ' or $1'),
        found: typeof type === 'function' ? type.name : describe(type),
        fix: 'Other layers are quantized statically: see prepare and convert.',
      });
    }
  }
  return mapping;
}
