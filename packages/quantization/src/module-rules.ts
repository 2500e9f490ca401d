/** What quantization knows of each class of modules: rules, and how `fuse`, `prepare`, `convert` and the like look them up. */
import { ArgumentError, describe, QuantizationError, requireList } from '@octet/backend';
import type { AnyModule, Conv1d, Conv2d, Linear } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { FakeQuantizeBase } from './fake-quantize';
import type { OutputQparams } from './functional/int8';
import { FusedModule } from './intrinsic';
import { outputObserver, readOutputQparams } from './observed';
import { defaultWeightObserver, type QConfig } from './qconfig';
import { finiteBias, quantizeWeight } from './quantized/weighted';
import { named } from './swap';
import type { ObserverFactory, ObserverOrFakeQuant } from './with-args';

// biome-ignore lint/suspicious/noExplicitAny: any module class
export type ModuleClass = abstract new (...args: any[]) => AnyModule;

// biome-ignore lint/suspicious/noExplicitAny: each rule knows the modules that it is given
type Given = any;

/** A module of a model that is being converted, and what its int8 form is made of. */
export class Conversion {
  constructor(
    private readonly op: string,
    /** The module's place in the model, for messages. */
    readonly path: string,
    readonly qconfig: QConfig,
    private readonly module: AnyModule,
  ) {}

  /** Scale and zero point of the module's output, as its observer has them. @throws QuantizationError without one */
  output(): Promise<OutputQparams> {
    return readOutputQparams(this.path, this.module);
  }

  /** Whether the output has an observer that has seen nothing: the module never ran. */
  get neverRan(): boolean {
    return outputObserver(this.module)?.observed === false;
  }

  /**
   * A float weight as qint8, by the field `weightFakeQuant` of a module that was trained with it, else by the recipe.
   * @throws QuantizationError for NaN and infinities, and for a recipe of another dtype
   */
  weight(weight: Tensor): Promise<Tensor> {
    return quantizeWeight(this.op, this.path, weight, this.weightObserver);
  }

  /**
   * The same with one scale, for a layer that takes no more: a recipe with one for each channel is replaced by PyTorch's default,
   * `defaultWeightObserver`.
   * @throws QuantizationError as `weight`
   */
  weightOfOneScale(weight: Tensor): Promise<Tensor> {
    const { weightObserver: own } = this;
    return quantizeWeight(
      this.op,
      this.path,
      weight,
      own.chAxis === undefined ? own : defaultWeightObserver(),
    );
  }

  private get weightObserver(): ObserverOrFakeQuant {
    const { weightFakeQuant } = this.module as { weightFakeQuant?: ObserverOrFakeQuant };
    return weightFakeQuant ?? this.qconfig.weight();
  }

  /** A float bias, detached. @throws QuantizationError for NaN and infinities */
  bias(bias: Tensor | undefined): Promise<Tensor | undefined> {
    return finiteBias(this.op, this.path, bias);
  }
}

/** A class that `prepareQat` puts in the place of a float one. It has a `toFloat()`. */
export interface QatForm {
  readonly type: ModuleClass;
  /** Called inside `skipInit`: what it constructs draws no random weights. */
  from(float: Given, qconfig: QConfig): AnyModule;
}

/**
 * All that quantization has to know of one class of float modules. A field that is left out says that there is no such thing:
 * without `qat` the module is trained as it is, without `int8` it stays in float. Rules are for exactly their class: a
 * subclass may compute something else.
 *
 * Several rules may have the same `float`; the first that has a field counts.
 */
export interface ModuleRule {
  readonly float: ModuleClass;

  /** Classes of layers that become one where they follow one another: two or more. Longer patterns go first. */
  readonly pattern?: readonly ModuleClass[];
  /** Makes one module of the pattern's layers in evaluation mode: batch normalisation is folded. */
  fuse?(...layers: Given[]): AnyModule;
  /** Makes one module of the pattern's layers in training mode: batch normalisation stays and goes on learning. */
  fuseQat?(...layers: Given[]): AnyModule;
  /** Only training can go on from it, as from an unfolded batch normalisation: `prepare` refuses it. */
  readonly trainingOnly?: boolean;

  readonly qat?: QatForm;
  /** Whether the output is observed (or fake-quantized): its int8 form has a scale and a zero point that come from data. */
  readonly observe?: boolean;
  /** What `prepareQat` puts after the module, whatever the recipe: its int8 form has a fixed scale. */
  readonly fixed?: ObserverFactory;
  /** The int8 form of a prepared module, of the class `float` or `qat.type`. */
  int8?(prepared: Given, at: Conversion): AnyModule | Promise<AnyModule>;
  /**
   * What `prepare` and `prepareQat` put in the place of a module that is no single layer: the same numbers made of layers that have rules, by which they
   * are observed and converted; PyTorch's `float_to_observed`. undefined: this one stays in float.
   */
  observed?(float: Given): AnyModule | undefined;
  /**
   * Of a class that `observed` makes: what `convert` puts in its place, with the same layers in it, which become int8 by their own rules; PyTorch's
   * `observed_to_quantized`.
   */
  fromObserved?(observed: Given, at: Conversion): AnyModule | Promise<AnyModule>;
  /** The form with int8 weights that takes and gives floats. */
  dynamic?(float: Given, at: Conversion): AnyModule | Promise<AnyModule>;

  /** Its ops take no integers. Subclasses too. */
  readonly floatOnly?: boolean;
  /** It doesn't change values, at most their shape or format: not worth a row of a report. Subclasses too. */
  readonly transparent?: boolean;
  /** f(s · x) = s · f(x) for each channel and every s > 0: `equalize` looks past it. */
  readonly scalable?: boolean;
  /**
   * The layer whose weight and bias its outputs are proportional to, channel by channel, for `equalize`: itself, or what stands
   * before a ReLU.
   */
  scaledBy?(float: Given): Conv1d | Conv2d | Linear;
}

/** Layers that become one. */
export interface Fusion {
  readonly pattern: readonly ModuleClass[];
  readonly fuse: ModuleRule['fuse'];
  readonly fuseQat: ModuleRule['fuseQat'];
}

/** Rules, to be looked up by module. */
export class ModuleRules {
  /** The longest first; of the same length in the order of the rules. */
  readonly fusions: readonly Fusion[];

  /** @throws ArgumentError for what is no list of rules */
  constructor(
    op: string,
    private readonly rules: readonly ModuleRule[],
  ) {
    requireList(op, 'rules', rules);
    for (const rule of rules) requireRule(op, rule);
    this.fusions = this.rules
      .flatMap(({ pattern, fuse, fuseQat }) => (pattern ? [{ pattern, fuse, fuseQat }] : []))
      .sort((a, b) => b.pattern.length - a.pattern.length);
  }

  /** The first rule for a module's class that has a field. */
  private find(module: AnyModule, field: keyof ModuleRule): ModuleRule | undefined {
    return this.rules.find((rule) => rule.float === module.constructor && rule[field] !== undefined);
  }

  private isA(module: AnyModule, field: 'floatOnly' | 'transparent'): boolean {
    return this.rules.some((rule) => rule[field] && module instanceof rule.float);
  }

  /** The rule with an int8 form for a float module, or one that is trained in its place. */
  int8(module: AnyModule): ModuleRule | undefined {
    const type = module.constructor;
    return this.rules.find(
      ({ int8, float, qat, trainingOnly }) =>
        int8 && (qat?.type === type || (float === type && !trainingOnly)),
    );
  }

  /** What `prepare` puts in the place of a module that is made of several layers. */
  observed(module: AnyModule): AnyModule | undefined {
    return this.find(module, 'observed')?.observed?.(module);
  }

  /** What makes the int8 form of a module that `observed` made. */
  fromObserved(module: AnyModule): ModuleRule['fromObserved'] {
    return this.find(module, 'fromObserved')?.fromObserved;
  }

  qat(module: AnyModule): QatForm | undefined {
    return this.find(module, 'qat')?.qat;
  }

  /** Whether a module is of a class that `prepareQat` puts in a float one's place. */
  isTrained(module: AnyModule): boolean {
    return this.rules.some(({ qat }) => qat?.type === module.constructor);
  }

  dynamic(module: AnyModule): ModuleRule['dynamic'] {
    return this.find(module, 'dynamic')?.dynamic;
  }

  /** The float classes with a form for dynamic quantization. */
  get dynamicTypes(): ModuleClass[] {
    return [...new Set(this.rules.filter(({ dynamic }) => dynamic).map(({ float }) => float))];
  }

  scaledBy(module: AnyModule): Conv1d | Conv2d | Linear | undefined {
    return this.find(module, 'scaledBy')?.scaledBy?.(module);
  }

  isScalable(module: AnyModule): boolean {
    return this.find(module, 'scalable')?.scalable ?? false;
  }

  isTransparent(module: AnyModule): boolean {
    return this.isA(module, 'transparent');
  }

  isTrainingOnly(module: AnyModule): boolean {
    return this.find(module, 'trainingOnly')?.trainingOnly ?? false;
  }

  /** Whether a module is one layer, whatever modules it is made of: it has a rule, is fused, or is trained or int8 in place of one. */
  isLayer(module: AnyModule): boolean {
    return module instanceof FusedModule || this.int8(module) !== undefined;
  }

  /** Whether a layer certainly can't run on integers: it, or the class it extends, is known not to, or it has float tensors. */
  hasNoInt8Form(module: AnyModule): boolean {
    if (this.isLayer(module)) return false;
    const extendsOne = (type: ModuleClass | undefined) => type !== undefined && module instanceof type;
    const extendsLayer = this.rules.some(
      ({ int8, float, qat }) => int8 && (extendsOne(float) || extendsOne(qat?.type)),
    );
    const isLeaf = module.children().length === 0;
    return (
      this.isA(module, 'floatOnly') ||
      extendsLayer ||
      (isLeaf && module.parameters().length + module.buffers().length > 0)
    );
  }
}

function requireRule(op: string, rule: ModuleRule): void {
  const refuse = (expected: string, found: unknown): never => {
    throw new ArgumentError({
      op,
      expected,
      found: describe(found),
      fix: 'A rule is { float: Class, … }: see ModuleRule.',
    });
  };
  if (typeof rule?.float !== 'function') refuse('rules with a module class in the field float', rule?.float);
  const { pattern, fuse, fuseQat, qat, int8, observe } = rule;
  if (pattern && !(pattern.length > 1 && pattern.every((type) => typeof type === 'function')))
    refuse('a pattern of two module classes or more', pattern);
  if (pattern && !fuse && !fuseQat) refuse('fuse or fuseQat beside a pattern', rule);
  if (qat && !(typeof qat.type === 'function' && typeof qat.from === 'function'))
    refuse('qat to be { type: Class, from(float, qconfig) }', qat);
  if (observe && !int8) refuse('int8 beside observe', rule);
}

/** A module that is made of a float one, or holds one. */
export interface HasFloatForm {
  /** The module in plain float that computes the same in evaluation mode, without the rounding. */
  toFloat(): AnyModule;
}

/**
 * The module in plain float that computes the same in evaluation mode: of fused, trained and int8 modules what their
 * `toFloat()` gives, PyTorch's `to_float`; of others themselves. `path` names the module in messages.
 * @throws QuantizationError for a module that simulates rounding, or has int8 weights, and has no `toFloat()`
 */
export function toFloat(module: AnyModule, path = ''): AnyModule {
  const { toFloat: convert } = module as Partial<HasFloatForm>;
  if (typeof convert === 'function') return convert.call(module);
  if (!roundsWeights(module)) return module;
  throw new QuantizationError({
    op: 'toFloat',
    expected: 'modules with toFloat(), where weights are rounded',
    found: named(path, module),
    fix: `Give ${module.constructor.name} a method toFloat() that makes the float layer.`,
  });
}

/** Whether a module has a fake quantizer beside that of its output, or quantized tensors, of its own. */
function roundsWeights(module: AnyModule): boolean {
  return (
    module
      .namedChildren()
      .some(([name, child]) => child instanceof FakeQuantizeBase && name !== 'activationPostProcess') ||
    module.namedBuffers().some(([path, buffer]) => !path.includes('.') && buffer.isQuantized)
  );
}
