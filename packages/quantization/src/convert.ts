import {
  type AbortSignalLike,
  breathe,
  checkOptions,
  describe,
  QuantizationError,
  requireList,
  warn,
} from '@octet/backend';
import { type AnyModule, Identity, removeHooks, requireModule } from '@octet/nn/modules';
import { moduleRules } from './default-rules';
import { FloatFunctional } from './float-functional';
import { FusedIdentity } from './intrinsic';
import { Conversion, type ModuleClass, type ModuleRule, type ModuleRules } from './module-rules';
import { flushObservers, observerHooks, outputObserver } from './observed';
import { getDefaultDynamicQConfig, type QConfig } from './qconfig';
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
  /** Rules of your own, which go before the library's: those that `prepare` or `prepareQat` had. */
  rules?: readonly ModuleRule[];
  /** Told before each layer, and at the end; waited for. */
  onProgress?: (done: number, total: number, layer: string) => unknown;
  /** Ends the conversion with the signal's reason, before anything has changed. */
  signal?: AbortSignalLike;
}

/**
 * Turns a prepared (and calibrated or trained) model into one that runs in int8 from stub to stub, in evaluation mode.
 * Asynchronous because it reads the observers' ranges. All are read before anything changes. Hooks go along.
 *
 * @throws QuantizationError if the model wasn't prepared, a layer's observer saw no data, or a layer has a range, a weight
 * or a bias with NaN or infinity; for a layer that was prepared by a rule which `rules` lacks; for a model that is a layer itself with `inplace`
 * @throws the signal's reason
 */
export async function convert<M extends AnyModule>(prepared: M, options?: ConvertOptions): Promise<M> {
  const {
    inplace = false,
    requireCalibration = true,
    rules: own,
    onProgress,
    signal,
  } = checkOptions('convert', options, 'inplace requireCalibration rules onProgress signal');
  const rules = moduleRules('convert', own);
  requireModule('convert', prepared);
  requirePrepared(prepared, requireCalibration);
  requireRules(prepared, rules);
  await flushObservers(prepared);
  const target = inplace ? prepared : prepared.clone({ hooks: true });
  const swaps = new Map<AnyModule, AnyModule>();
  // Inputs first: NaN there is everywhere after, and its error should name where it comes from.
  const isInput = ([, module]: [string, AnyModule]) => Number(module instanceof QuantStub);
  const layers = layersOf(target, (m) => rules.isLayer(m)).sort((a, b) => isInput(b) - isInput(a));
  for (const [i, [path, module]] of layers.entries()) {
    await onProgress?.(i, layers.length, path);
    await breathe(signal);
    const qconfig = qconfigOf(module);
    const make = rules.int8(module)?.int8 ?? rules.fromObserved(module);
    if (qconfig && make)
      swaps.set(module, await make(module, new Conversion('convert', path, qconfig, module)));
  }
  await onProgress?.(layers.length, layers.length, '');
  await breathe(signal);
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

/** @throws QuantizationError for a module with an observer, of a class that has no int8 form */
function requireRules(model: AnyModule, rules: ModuleRules): void {
  const unknown = model
    .namedModules()
    .find(([, module]) => outputObserver(module) !== undefined && !rules.int8(module));
  if (!unknown) return;
  throw new QuantizationError({
    op: 'convert',
    expected: 'a rule with int8 for every layer that is observed',
    found: `none for ${named(...unknown)}`,
    fix: 'Pass the rules that the model was prepared with: convert(prepared, { rules }).',
  });
}

export interface QuantizeDynamicOptions {
  /** Change the model itself rather than a copy. */
  inplace?: boolean;
  /** Which layers, and how: classes (all of them by `qconfig`), or a mapping. Default: Linear, LSTM and GRU. */
  layers?: Iterable<ModuleClass> | QConfigMapping;
  /** Default: getDefaultDynamicQConfig(), inputs of 8 bits, weights per channel. */
  qconfig?: QConfig;
  /** Rules of your own, which go before the library's. */
  rules?: readonly ModuleRule[];
}

/**
 * Gives Linear, LSTM, GRU and MultiheadAttention layers int8 weights, in fused modules too; their inputs are quantized at every call by their own
 * range. Needs no data, no stubs and no calibration; the model goes on taking and returning floats. Evaluation only.
 *
 * Inputs get 8 bits, and weights a scale for each output channel. `{ qconfig: defaultDynamicQConfig }` gives weights one scale, as
 * PyTorch's default does; `getDefaultDynamicQConfig('x86')` also quantizes inputs to 7 bits, as does any qconfig whose activation
 * observer has `reduceRange`.
 *
 * @throws QuantizationError for a class it doesn't know, or a weight with NaN or infinity; for a model that is a layer itself
 * with `inplace`
 */
export async function quantizeDynamic<M extends AnyModule>(
  model: M,
  options?: QuantizeDynamicOptions,
): Promise<M> {
  const {
    qconfig = getDefaultDynamicQConfig(),
    inplace = false,
    rules: own,
    ...given
  } = checkOptions('quantizeDynamic', options, 'inplace layers qconfig rules');
  const rules = moduleRules('quantizeDynamic', own);
  const { dynamicTypes } = rules;
  const { layers = dynamicTypes } = given;
  requireModule('quantizeDynamic', model);
  if (!(layers instanceof QConfigMapping || Symbol.iterator in Object(layers))) {
    requireList('quantizeDynamic', 'layers', layers as never);
  }
  const asked = layers instanceof QConfigMapping ? undefined : [...layers];
  const mapping = layers instanceof QConfigMapping ? layers : mappingOf(asked ?? [], qconfig, dynamicTypes);
  const target = inplace ? model : model.clone({ hooks: true });
  const recipes = mapping.recipesOf(target);
  const swaps = new Map<AnyModule, AnyModule>();
  const left: string[] = [];
  for (const [path, module] of target.namedModules()) {
    const recipe = recipes.get(module);
    const make = rules.dynamic(module);
    if (recipe && make)
      swaps.set(module, await make(module, new Conversion('quantizeDynamic', path, recipe, module)));
    else if ((asked ?? (recipe ? dynamicTypes : [])).some((type) => module instanceof type)) {
      if (!hasInt8Weights(module)) left.push(named(path, module));
    }
  }
  if (left.length > 0) {
    warn(`quantizeDynamic: subclasses stay in float: ${left.join(', ')}. Hold the layer in a field instead.`);
  } else if (swaps.size === 0) {
    warn(`quantizeDynamic: nothing to quantize in ${model.constructor.name}`);
  }
  return finished('quantizeDynamic', target, swaps, inplace);
}

/** Whether it was quantized before: an int8 LSTM is an LSTM. */
function hasInt8Weights(module: AnyModule): boolean {
  return module.buffers().some(({ isQuantized }) => isQuantized);
}

function mappingOf(
  layers: Iterable<ModuleClass>,
  qconfig: QConfig,
  known: readonly ModuleClass[],
): QConfigMapping {
  const mapping = new QConfigMapping();
  for (const type of layers) {
    mapping.setObjectType(type, qconfig);
    if (!known.includes(type)) {
      throw new QuantizationError({
        op: 'quantizeDynamic',
        expected: known
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
