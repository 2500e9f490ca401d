import { QuantizationError } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { FloatFunctional } from './float-functional';
import { FusedModule } from './intrinsic';
import { defaultDynamicMapping, defaultStaticMapping, type ModuleClass, type StaticRule } from './mappings';
import { outputObserver, settleObservers } from './observed';
import { defaultDynamicQConfig, type QConfig } from './qconfig';
import { QConfigMapping, qconfigOf } from './qconfig-mapping';

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
 * Asynchronous because it reads the observers' ranges.
 *
 * @throws QuantizationError if the model wasn't prepared, or a layer's observer saw no data
 */
export async function convert<M extends AnyModule>(
  prepared: M,
  { inplace = false, requireCalibration = true }: ConvertOptions = {},
): Promise<M> {
  requirePrepared(prepared, requireCalibration);
  await settleObservers(prepared);
  const target = inplace ? prepared : prepared.clone();
  target.eval();
  const done = new Map<AnyModule, AnyModule>();
  await swapChildren(target, '', done, (path, module) => {
    const qconfig = qconfigOf(module);
    return (
      qconfig && defaultStaticMapping.get(module.constructor as ModuleClass)?.convert(path, module, qconfig)
    );
  });
  for (const module of target.modules()) delete module.qconfig;
  return target;
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
      fix: 'Call prepare() and calibrate, or prepareQat() and train, before convert().',
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
      found: `${blind.length} of ${observed.length} that saw none: ${blind.map(({ path }) => path).join(', ')}`,
      fix:
        'Run calibration batches (or training steps) through the prepared model before convert(); leave out layers that ' +
        'never run with QConfigMapping.exclude. To load an int8 state dict instead, pass { requireCalibration: false }.',
    });
  }
}

export interface QuantizeDynamicOptions {
  /** Change the model itself rather than a copy. */
  inplace?: boolean;
  /** Which layers, and how: classes (all of them by `qconfig`), or a mapping. Default: Linear and LSTM. */
  layers?: Iterable<ModuleClass> | QConfigMapping;
  /** Default: inputs of 8 bits, weights per tensor. See getDefaultDynamicQConfig and perChannelDynamicQConfig. */
  qconfig?: QConfig;
}

/**
 * Gives Linear and LSTM layers int8 weights; their inputs are quantized at every call by their own range. Needs no data,
 * no stubs and no calibration; the model goes on taking and returning floats. Evaluation only.
 *
 * Inputs get 8 bits, which is the more exact and what PyTorch does on the engine `qnnpack`. 7 bits, as on `x86`, are faster
 * where a backend has a product for them: `{ qconfig: getDefaultDynamicQConfig('x86') }`. Any qconfig whose activation observer
 * has `reduceRange` gives 7.
 */
export async function quantizeDynamic<M extends AnyModule>(
  model: M,
  {
    layers = defaultDynamicMapping.keys(),
    qconfig = defaultDynamicQConfig,
    inplace = false,
  }: QuantizeDynamicOptions = {},
): Promise<M> {
  const target = inplace ? model : model.clone();
  target.eval();
  const mapping = layers instanceof QConfigMapping ? layers : mappingOf(layers, qconfig);
  mapping.applyTo(target);
  const done = new Map<AnyModule, AnyModule>();
  await swapChildren(target, '', done, (path, module) => {
    const recipe = qconfigOf(module);
    return recipe && defaultDynamicMapping.get(module.constructor as ModuleClass)?.(path, module, recipe);
  });
  for (const module of target.modules()) delete module.qconfig;
  return target;
}

function mappingOf(layers: Iterable<ModuleClass>, qconfig: QConfig): QConfigMapping {
  const mapping = new QConfigMapping();
  for (const type of layers) {
    if (!defaultDynamicMapping.has(type)) {
      throw new QuantizationError({
        op: 'quantizeDynamic',
        expected: [...defaultDynamicMapping.keys()].map((t) => t.name).join(' or '),
        found: type.name,
        fix: 'Other layers are quantized statically: see prepare and convert.',
      });
    }
    mapping.setObjectType(type, qconfig);
  }
  return mapping;
}

type Swapped = ReturnType<StaticRule['convert']> | undefined;

/** Replaces every module under `module` for which `swap` has another; fused modules are one. */
async function swapChildren(
  module: AnyModule,
  prefix: string,
  done: Map<AnyModule, AnyModule>,
  swap: (path: string, module: AnyModule) => Swapped,
): Promise<void> {
  for (const [name, child] of module.namedChildren()) {
    const path = `${prefix}${name}`;
    const other = done.get(child) ?? (await swap(path, child));
    if (other) {
      done.set(child, other);
      module.setSubmodule(name, other);
    } else if (!(child instanceof FusedModule)) await swapChildren(child, `${path}.`, done, swap);
  }
}
