/** Views of the default rules as PyTorch's mappings: which module becomes which. */
import type { AnyModule } from '@octet/nn/modules';
import { defaultModuleRules } from './default-rules';
import { Conversion, type ModuleClass, type ModuleRule } from './module-rules';
import type { QConfig } from './qconfig';
import type { ObserverFactory } from './with-args';

// biome-ignore lint/suspicious/noExplicitAny: each entry knows its own module type
type Convert = (path: string, module: any, qconfig: QConfig) => AnyModule | Promise<AnyModule>;

export interface StaticRule {
  /** Whether `prepare` watches the output; without, scale and zero point are the input's or known. */
  observe: boolean;
  /** What `prepareQat` puts after the module, whatever the recipe: its int8 form has a fixed scale. */
  fixed?: ObserverFactory;
  convert: Convert;
}

/** The classes that have a rule with a field, and what the field says. */
function mappingOf<T>(entriesOf: (rule: ModuleRule) => [ModuleClass, T][]): ReadonlyMap<ModuleClass, T> {
  return new Map(defaultModuleRules.flatMap(entriesOf));
}

/** Float module → the one to train with fake quantization. */
export const defaultQatMapping: ReadonlyMap<ModuleClass, (module: AnyModule, qconfig: QConfig) => AnyModule> =
  /* @__PURE__ */ mappingOf(({ float, qat }) => (qat ? [[float, qat.from]] : []));

/** Prepared float or QAT module → int8 module. Modules that aren't here accept quantized tensors unchanged, or stay in float. */
export const defaultStaticMapping: ReadonlyMap<ModuleClass, StaticRule> = /* @__PURE__ */ mappingOf(
  (rule) => {
    const { float, qat, observe = false, fixed, int8, trainingOnly } = rule;
    if (!int8) return [];
    const convert: Convert = (path, module, qconfig) =>
      int8(module, new Conversion('convert', path, qconfig, module));
    const entry: StaticRule = { observe, ...(fixed && { fixed }), convert };
    const types = [...(trainingOnly ? [] : [float]), ...(qat ? [qat.type] : [])];
    return types.map((type) => [type, entry]);
  },
);

/** Float module → one with int8 weights that quantizes its input at run time. */
export const defaultDynamicMapping: ReadonlyMap<ModuleClass, Convert> = /* @__PURE__ */ mappingOf(
  ({ float, dynamic }) =>
    dynamic
      ? [
          [
            float,
            (path, module, qconfig) =>
              dynamic(module, new Conversion('quantizeDynamic', path, qconfig, module)),
          ],
        ]
      : [],
);
