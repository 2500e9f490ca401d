import {
  ArgumentError,
  describe,
  kind,
  QuantizationError,
  requireOwnCopy,
  requireType,
} from '@octet/backend';
import { type AnyModule, Module } from '@octet/nn/modules';
import { FusedModule } from './intrinsic';
import type { ModuleClass } from './module-rules';
import {
  defaultGraphQConfig,
  getDefaultQatQConfig,
  getDefaultQConfig,
  QConfig,
  type QEngine,
} from './qconfig';

/** Which layers get which QConfig. The most special rule wins: name, then type, then global; null leaves in float. */
export class QConfigMapping {
  private global: QConfig | null = null;
  private readonly byType = new Map<ModuleClass, QConfig | null>();
  private readonly byName = new Map<string, QConfig | null>();

  get [kind](): string {
    return 'QConfigMapping';
  }

  /** For every layer that no other rule names. */
  setGlobal(qconfig: QConfig | null): this {
    this.global = orNull(qconfig);
    return this;
  }

  /** For all layers of exactly this class, and the fused modules that begin with one. */
  setObjectType(type: ModuleClass, qconfig: QConfig | null): this {
    requireType('setObjectType', 'type', type as unknown, 'function');
    requireOwnCopy('QConfigMapping', type.prototype, { Module });
    this.byType.set(type, orNull(qconfig));
    return this;
  }

  /** For the module at this path and all under it. For `prepareFx` also for the node of this name, as in the ONNX file. */
  setModuleName(path: string, qconfig: QConfig | null): this {
    this.byName.set(path, orNull(qconfig));
    return this;
  }

  /** Leaves the modules at these paths in float. Among int8 layers they need stubs around them: see `leaveInFloat`. */
  exclude(...paths: readonly string[]): this {
    for (const path of paths) this.setModuleName(path, null);
    return this;
  }

  /** Another mapping of the same rules. */
  clone(): QConfigMapping {
    const copy = new QConfigMapping().setGlobal(this.global);
    for (const [type, qconfig] of this.byType) copy.setObjectType(type, qconfig);
    for (const [path, qconfig] of this.byName) copy.setModuleName(path, qconfig);
    return copy;
  }

  /** The rule for this name; undefined without one. */
  ruleOf(name: string): QConfig | null | undefined {
    return this.byName.get(name);
  }

  /** The same rules for other names; undefined has none. */
  renamed(nameOf: (name: string) => string | undefined): QConfigMapping {
    const copy = this.clone();
    copy.byName.clear();
    for (const [name, qconfig] of this.byName) {
      const other = nameOf(name);
      if (other !== undefined) copy.setModuleName(other, qconfig);
    }
    return copy;
  }

  /** Writes the recipe of every module under `model` to its `qconfig`. @throws QuantizationError for a path it lacks */
  applyTo(model: AnyModule): void {
    for (const [module, qconfig] of this.recipesOf(model)) module.qconfig = qconfig;
  }

  /**
   * The recipe of every module under `model`. @throws QuantizationError for a path that it lacks, unless it is one of `before`:
   * what the model had before it was fused
   */
  recipesOf(model: AnyModule, before: readonly string[] = []): Map<AnyModule, QConfig | null> {
    const modules = model.namedModules();
    const known = new Set([...modules.map(([path]) => path), ...before]);
    for (const path of this.byName.keys()) {
      if (known.has(path)) continue;
      throw new QuantizationError({
        op: 'QConfigMapping',
        expected: before.length > 0 ? 'paths of modules, or names of nodes' : 'paths of modules in the model',
        found: `'${path}'`,
        fix: `See model.namedModules() for the paths${before.length > 0 ? ', and String(model) for the nodes' : ''}; fusing moves layers into the first of each group.`,
      });
    }
    return new Map(modules.map(([path, module]) => [module, this.lookUp(path, module)]));
  }

  private lookUp(path: string, module: AnyModule): QConfig | null {
    // A fused module is also what its first layer was.
    const first = module instanceof FusedModule ? module.at(0) : undefined;
    // The longest named path that is this module or holds it.
    for (let at = first ? `${path}.0` : path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      const named = this.byName.get(at);
      if (named !== undefined) return named;
      if (at === '') break;
    }
    for (const of of [module, first]) {
      const typed = of && this.byType.get(of.constructor as ModuleClass);
      if (typed !== undefined) return typed;
    }
    return this.global;
  }
}

/** getDefaultQConfig for all layers. @throws ArgumentError for an unknown engine */
export function getDefaultQConfigMapping(engine?: QEngine): QConfigMapping {
  return new QConfigMapping().setGlobal(getDefaultQConfig(engine));
}

/** defaultGraphQConfig for all layers: what `prepareFx` does unless told otherwise. */
export function getDefaultGraphQConfigMapping(): QConfigMapping {
  return new QConfigMapping().setGlobal(defaultGraphQConfig);
}

/** getDefaultQatQConfig for all layers. @throws ArgumentError for an unknown engine */
export function getDefaultQatQConfigMapping(engine?: QEngine): QConfigMapping {
  return new QConfigMapping().setGlobal(getDefaultQatQConfig(engine));
}

const recipes = {
  QConfig: { type: QConfig, Failure: QuantizationError },
  QConfigMapping: { type: QConfigMapping, Failure: ArgumentError },
} as const;

interface Recipes {
  QConfig: QConfig;
  QConfigMapping: QConfigMapping;
}

/**
 * The recipe, as it should be.
 * @throws ArgumentError for something else than a mapping, QuantizationError for something else than a QConfig
 */
export function requireRecipe<K extends keyof Recipes>(
  kindOfRecipe: K,
  op: string,
  value: unknown,
  fix = 'Use new QConfig({ activation, weight }) or getDefaultQConfig().',
  expected = `a ${kindOfRecipe}`,
): Recipes[K] {
  const { type, Failure } = recipes[kindOfRecipe];
  if (value instanceof type) return value as Recipes[K];
  requireOwnCopy(op, value, { [kindOfRecipe]: type });
  throw new Failure({ op, expected, found: describe(value), fix });
}

const orNull = (qconfig: QConfig | null): QConfig | null =>
  qconfig === null
    ? null
    : requireRecipe('QConfig', 'QConfigMapping', qconfig, undefined, 'a QConfig, or null');

/** A module's QConfig: its own, or undefined. @throws QuantizationError for something else in the field */
export function qconfigOf({ qconfig }: AnyModule): QConfig | undefined {
  if (qconfig === undefined || qconfig === null) return undefined;
  return requireRecipe('QConfig', 'prepare', qconfig, undefined, 'a QConfig in the field qconfig');
}

/** Hands each module's QConfig down to the children that have none of their own; null stops it. */
export function propagateQConfig(module: AnyModule, inherited: unknown = undefined): void {
  if (module.qconfig === undefined) module.qconfig = inherited;
  for (const child of module.children()) propagateQConfig(child, module.qconfig);
}
