import { checkOptions, QuantizationError, requireList, warn } from '@octet/backend';
import {
  type AnyModule,
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Linear,
  moveHooks,
  requireModule,
  Sequential,
} from '@octet/nn/modules';
import { moduleRules } from './default-rules';
import { FusedIdentity, FusedModule } from './intrinsic';
import { FusionWatch } from './intrinsic/fused-identity';
import type { ModuleRule, ModuleRules } from './module-rules';
import { outputObserver } from './observed';
import { layersOf, warnOfLostHooks } from './swap';

type Fuser = NonNullable<ModuleRule['fuse']>;

export interface FuseOptions {
  /** true (the default; of `fuse` it is false): the model itself is changed and returned. false: a copy. */
  inplace?: boolean;
  /** Rules of your own, whose patterns are looked at beside the library's. */
  rules?: readonly ModuleRule[];
}

/**
 * Fuses the named lists of modules, in evaluation mode: batch normalisation is folded into the layer before it. The first
 * of each list becomes the fused module, the others become placeholders that give back their input. A placeholder
 * that is called elsewhere in the forward pass throws a QuantizationError: its layer is missing there. A fused module that runs
 * more often in a pass of `model` than a placeholder of its warns: where it ran alone, it now computes all of the list. What
 * hooks before the first and after the last of a list see, they see on the fused module.
 *
 * @param modulesToFuse paths under `model`, one list or several: `[['conv', 'bn', 'relu']]`
 * @throws QuantizationError in training mode, for a list of types that doesn't fuse, or for a layer that is observed already
 */
export function fuseModules<M extends AnyModule>(
  model: M,
  modulesToFuse: readonly string[] | readonly (readonly string[])[],
  options?: FuseOptions,
): M {
  return fuseNamed('fuseModules', model, modulesToFuse, options);
}

/** As fuseModules, in training mode: batch normalisation stays, as ConvBn2d and ConvBnReLU2d, and goes on learning. */
export function fuseModulesQat<M extends AnyModule>(
  model: M,
  modulesToFuse: readonly string[] | readonly (readonly string[])[],
  options?: FuseOptions,
): M {
  return fuseNamed('fuseModulesQat', model, modulesToFuse, options);
}

type Op = 'fuse' | 'fuseModules' | 'fuseModulesQat';

function fuseNamed<M extends AnyModule>(
  op: Op,
  model: M,
  modulesToFuse: readonly string[] | readonly (readonly string[])[],
  options: FuseOptions | undefined,
): M {
  const { inplace = true, rules } = checkOptions(op, options, 'inplace rules');
  requireModule(op, model);
  const training = op === 'fuseModulesQat';
  return fuseLists({ op, training, rules: moduleRules(op, rules) }, model, modulesToFuse, inplace);
}

/** What the functions of this file do alike. */
interface Fusing {
  readonly op: Op;
  readonly training: boolean;
  readonly rules: ModuleRules;
}

function fuseLists<M extends AnyModule>(
  fusing: Fusing,
  model: M,
  modulesToFuse: readonly string[] | readonly (readonly string[])[],
  inplace: boolean,
): M {
  const { op, training } = fusing;
  requireList(op, 'modulesToFuse', modulesToFuse);
  const target = inplace ? model : model.clone({ hooks: true });
  const lists =
    modulesToFuse.length > 0 && typeof modulesToFuse[0] === 'string'
      ? [modulesToFuse as readonly string[]]
      : (modulesToFuse as readonly (readonly string[])[]);
  const firsts = new Set<string>();
  const others = new Set<string>();
  const found = lists.map((paths) => {
    const modules = paths.map((path) => target.getSubmodule(path));
    const fuser = requireFuser(fusing, paths, modules);
    const twice = paths.find((path, i) => firsts.has(path) || (i === 0 && others.has(path)));
    if (twice !== undefined) refuse(fusing, `two lists with ${twice}`);
    firsts.add(paths[0]);
    for (const path of paths.slice(1)) others.add(path);
    return { paths, modules, fuser };
  });
  const watch = new FusionWatch();
  for (const { paths, modules, fuser } of found) {
    const [path, ...others] = paths;
    // A layer that is used elsewhere too stays what it is there. Training goes on with one weight.
    if (!training && usesOf(target, modules[0]) > 1) modules[0] = modules[0].clone({ hooks: true });
    const fused = fuser(...modules);
    fused.train(training);
    if (modules[0].qconfig !== undefined) fused.qconfig = modules[0].qconfig;
    // As PyTorch: what looks at the first one's input and the last one's output looks at the fused module's.
    if (fused instanceof FusedModule) moveHooks(fused.at(0), fused, 'before');
    moveHooks(modules[modules.length - 1], fused, 'after');
    modules.forEach((module, i) => {
      warnOfLostHooks(op, paths[i], module, fused);
    });
    target.setSubmodule(path, fused);
    for (const other of others) {
      const there = target.getSubmodule(other);
      const identity = there instanceof FusedIdentity ? there : new FusedIdentity(other).train(training);
      target.setSubmodule(other, identity.follow(fused, path, watch));
    }
  }
  watch.start(target);
  return target;
}

/** In how many places of a model a module is. */
function usesOf(model: AnyModule, module: AnyModule): number {
  return model.modules().flatMap((m) => m.children().filter((child) => child === module)).length;
}

function requireFuser(fusing: Fusing, paths: readonly string[], modules: readonly AnyModule[]): Fuser {
  const { op, training } = fusing;
  const wrong = modules.findIndex((m) => m.training !== training);
  if (wrong >= 0) {
    throw new QuantizationError({
      op,
      expected: `a model in ${training ? 'training' : 'evaluation'} mode`,
      found: `${training ? 'evaluation' : 'training'} mode (${paths[wrong]})`,
      fix: `Call eval() or train() on the whole model${
        op === 'fuse' ? '' : '; fuseModules is for evaluation, fuseModulesQat for training'
      }.`,
    });
  }
  if (modules.some((m) => outputObserver(m))) {
    throw new QuantizationError({
      op,
      expected: 'a float model',
      found: `an observer on ${paths[0]}`,
      fix: 'Fuse first, then prepare.',
    });
  }
  return (
    findFuser(fusing, modules) ??
    refuse(fusing, `${modules.map((m) => m.constructor.name).join('-')} (${paths.join(', ')})`)
  );
}

function refuse({ op, training, rules }: Fusing, found: string): never {
  throw new QuantizationError({
    op,
    expected: `one of ${rules.fusions
      .filter(({ fuse, fuseQat }) => (training ? fuseQat : fuse))
      .map(({ pattern }) => pattern.map((type) => type.name).join('-'))
      .join(', ')}`,
    found,
    fix: 'Name modules that follow one another in the forward pass; a layer can be fused once. Lists that share a ReLU go into one call.',
  });
}

/** Patterns are of exactly these classes: a subclass may compute something else. */
function findFuser({ rules, training }: Fusing, modules: readonly AnyModule[]): Fuser | undefined {
  return rules.fusions
    .filter(
      ({ pattern }) =>
        pattern.length === modules.length && pattern.every((type, i) => modules[i].constructor === type),
    )
    .map(({ fuse, fuseQat }) => (training ? fuseQat : fuse))
    .find((fuser) => fuser !== undefined);
}

/**
 * Finds what can be fused by itself: runs of layers inside every Sequential. By fuseModules or fuseModulesQat, after the
 * model's mode. Layers that only `forward` ties together can't be seen: a warning says which to name with fuseModules. What
 * is fused already stays as it is.
 *
 * @throws QuantizationError if layers to fuse have another mode than the model
 */
export function fuse<M extends AnyModule>(model: M, options?: FuseOptions): M {
  const { inplace = false, rules } = checkOptions('fuse', options, 'inplace rules');
  const { training } = requireModule('fuse', model);
  const fusing: Fusing = { op: 'fuse', training, rules: moduleRules('fuse', rules) };
  const target = inplace ? model : model.clone({ hooks: true });
  const lists: string[][] = [];
  const left: string[][] = [];
  for (const [prefix, module] of layersOf(target, (m) => m instanceof FusedModule)) {
    if (module instanceof FusedModule) continue;
    const children = module.namedChildren();
    const modules = children.map(([, child]) => child);
    const taken = new Set<number>();
    for (let i = 0; i < modules.length; i++) {
      const run = runAt(fusing, i, modules, taken, module instanceof Sequential);
      for (const at of run) taken.add(at);
      if (run.length < 2) continue;
      const paths = run.map((at) => (prefix === '' ? children[at][0] : `${prefix}.${children[at][0]}`));
      const known =
        module instanceof Sequential &&
        findFuser(
          fusing,
          run.map((at) => modules[at]),
        );
      (known ? lists : left).push(paths);
    }
  }
  if (left.length > 0) {
    warn(
      `fuse: left as they are: ${left.map((paths) => `['${paths.join("', '")}']`).join(', ')}. If forward has this order, hand ` +
        `them to ${training ? 'fuseModulesQat' : 'fuseModules'}, each with a ReLU that has no other use; subclasses don't fuse.`,
    );
  } else if (lists.length === 0 && !target.modules().some((m) => m instanceof FusedIdentity)) {
    warn(`fuse: nothing to fuse in ${model.constructor.name}: no neighbours in a Sequential`);
  }
  return fuseLists(fusing, target, lists, true);
}

/**
 * Where in `modules` those are that seem to follow the one at `i`: in a Sequential what fuses, elsewhere the first batch
 * normalisation behind it that fits.
 */
function runAt(
  fusing: Fusing,
  i: number,
  modules: readonly AnyModule[],
  taken: ReadonlySet<number>,
  inOrder: boolean,
): number[] {
  if (taken.has(i)) return [];
  const lengths = inOrder ? fusing.rules.fusions.map(({ pattern }) => pattern.length) : [];
  const run = lengths.find((n) => findFuser(fusing, modules.slice(i, i + n)));
  if (run) return modules.slice(i, i + run).map((_, k) => i + k);
  const first = modules[i];
  const last = inOrder ? i + 1 : modules.length - 1;
  const second = modules.findIndex((m, k) => k > i && k <= last && !taken.has(k) && normalizes(m, first));
  return second > 0 ? [i, second] : [i];
}

/** Whether a batch normalisation, or a subclass, fits the output of a layer that it could be folded into. */
function normalizes(norm: AnyModule, layer: AnyModule): boolean {
  return (
    (norm instanceof BatchNorm2d &&
      (layer instanceof Conv2d || layer instanceof ConvTranspose2d) &&
      norm.numFeatures === layer.outChannels) ||
    (norm instanceof BatchNorm1d &&
      (layer instanceof Conv1d || layer instanceof ConvTranspose1d) &&
      norm.numFeatures === layer.outChannels) ||
    (norm instanceof BatchNorm1d && layer instanceof Linear && norm.numFeatures === layer.outFeatures)
  );
}
