import { checkOptions, QuantizationError, requireList, warn } from '@octet/backend';
import {
  type AnyModule,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Linear,
  moveHooks,
  ReLU,
  requireModule,
  Sequential,
} from '@octet/nn';
import { foldInto } from './fold-batch-norm';
import { ConvBn2d, ConvBnReLU2d, ConvReLU2d, FusedIdentity, FusedModule, LinearReLU } from './intrinsic';
import { outputObserver } from './observed';
import { layersOf, warnOfLostHooks } from './swap';

// biome-ignore lint/suspicious/noExplicitAny: any module class
type ModuleClass = abstract new (...args: any[]) => AnyModule;

interface FusionPattern {
  types: readonly ModuleClass[];
  /** In evaluation mode: batch normalisation is folded. */
  eval?(...modules: AnyModule[]): AnyModule;
  /** In training mode: batch normalisation stays and goes on learning. */
  train?(...modules: AnyModule[]): AnyModule;
}

// biome-ignore lint/suspicious/noExplicitAny: the pattern's types say what arrives
type Fuser = (...modules: any[]) => AnyModule;

const pattern = (types: readonly ModuleClass[], fusers: { eval?: Fuser; train?: Fuser }): FusionPattern => ({
  types,
  ...fusers,
});

/** One line a pattern, longest first. */
const patterns: readonly FusionPattern[] = [
  pattern([Conv2d, BatchNorm2d, ReLU], {
    eval: (conv: Conv2d, bn: BatchNorm2d, relu: ReLU) => new ConvReLU2d(foldInto(conv, bn) as Conv2d, relu),
    train: (conv: Conv2d, bn: BatchNorm2d, relu: ReLU) => new ConvBnReLU2d(conv, bn, relu),
  }),
  pattern([Conv2d, BatchNorm2d], {
    eval: foldInto,
    train: (conv: Conv2d, bn: BatchNorm2d) => new ConvBn2d(conv, bn),
  }),
  pattern(
    [Conv2d, ReLU],
    both((conv: Conv2d, relu: ReLU) => new ConvReLU2d(conv, relu)),
  ),
  pattern([Linear, BatchNorm1d], { eval: foldInto }),
  pattern(
    [Linear, ReLU],
    both((linear: Linear, relu: ReLU) => new LinearReLU(linear, relu)),
  ),
];

function both(fuser: Fuser): { eval: Fuser; train: Fuser } {
  return { eval: fuser, train: fuser };
}

export interface FuseOptions {
  /** true (the default): the model itself is changed and returned. false: a copy. */
  inplace?: boolean;
}

/**
 * Fuses the named lists of modules, in evaluation mode: batch normalisation is folded into the layer before it. The first
 * of each list becomes the fused module, the others become placeholders that give back their input. A placeholder
 * that is called elsewhere in the forward pass throws a QuantizationError: its layer is missing there. What hooks before the
 * first and after the last of a list see, they see on the fused module.
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
  training = op === 'fuseModulesQat',
): M {
  const { inplace = true } = checkOptions(op, options, 'inplace');
  requireModule(op, model);
  requireList(op, 'modulesToFuse', modulesToFuse);
  const target = inplace ? model : model.clone({ hooks: true });
  const lists =
    modulesToFuse.length > 0 && typeof modulesToFuse[0] === 'string'
      ? [modulesToFuse as readonly string[]]
      : (modulesToFuse as readonly (readonly string[])[]);
  const firsts = new Set<string>();
  const found = lists.map((paths) => {
    const modules = paths.map((path) => target.getSubmodule(path));
    const fuser = requireFuser(op, training, paths, modules);
    if (firsts.has(paths[0])) refuse(op, training, `two lists with ${paths[0]}`);
    firsts.add(paths[0]);
    return { paths, modules, fuser };
  });
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
      target.setSubmodule(other, identity.follow(fused, path));
    }
  }
  return target;
}

/** In how many places of a model a module is. */
function usesOf(model: AnyModule, module: AnyModule): number {
  return model.modules().flatMap((m) => m.children().filter((child) => child === module)).length;
}

function requireFuser(
  op: Op,
  training: boolean,
  paths: readonly string[],
  modules: readonly AnyModule[],
): Fuser {
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
  const fuser = findFuser(modules, training);
  return (
    fuser ?? refuse(op, training, `${modules.map((m) => m.constructor.name).join('-')} (${paths.join(', ')})`)
  );
}

function refuse(op: Op, training: boolean, found: string): never {
  throw new QuantizationError({
    op,
    expected: `one of ${patterns
      .filter((p) => (training ? p.train : p.eval))
      .map((p) => p.types.map((t) => t.name).join('-'))
      .join(', ')}`,
    found,
    fix: 'Name modules that follow one another in the forward pass; a layer can be fused once. Lists that share a ReLU go into one call.',
  });
}

/** Patterns are of exactly these classes: a subclass may compute something else. */
function findFuser(modules: readonly AnyModule[], training: boolean): Fuser | undefined {
  const known = patterns.find(
    ({ types }) => types.length === modules.length && types.every((t, i) => modules[i].constructor === t),
  );
  return training ? known?.train : known?.eval;
}

/**
 * Finds what can be fused by itself: runs of layers inside every Sequential. By fuseModules or fuseModulesQat, after the
 * model's mode. Layers that only `forward` ties together can't be seen: a warning says which to name with fuseModules. What
 * is fused already stays as it is.
 *
 * @throws QuantizationError if layers to fuse have another mode than the model
 */
export function fuse<M extends AnyModule>(model: M, options?: FuseOptions): M {
  const { inplace = false } = checkOptions('fuse', options, 'inplace');
  const { training } = requireModule('fuse', model);
  const target = inplace ? model : model.clone({ hooks: true });
  const lists: string[][] = [];
  const left: string[][] = [];
  for (const [prefix, module] of layersOf(target, (m) => m instanceof FusedModule)) {
    if (module instanceof FusedModule) continue;
    const children = module.namedChildren();
    const modules = children.map(([, child]) => child);
    const taken = new Set<number>();
    for (let i = 0; i < modules.length; i++) {
      const run = runAt(i, modules, taken, module instanceof Sequential, training);
      for (const at of run) taken.add(at);
      if (run.length < 2) continue;
      const paths = run.map((at) => (prefix === '' ? children[at][0] : `${prefix}.${children[at][0]}`));
      const known =
        module instanceof Sequential &&
        findFuser(
          run.map((at) => modules[at]),
          training,
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
  return fuseNamed('fuse', target, lists, {}, training);
}

/**
 * Where in `modules` those are that seem to follow the one at `i`: in a Sequential what fuses, elsewhere the first batch
 * normalisation behind it that fits.
 */
function runAt(
  i: number,
  modules: readonly AnyModule[],
  taken: ReadonlySet<number>,
  inOrder: boolean,
  training: boolean,
): number[] {
  if (taken.has(i)) return [];
  const run = inOrder && [3, 2].find((n) => findFuser(modules.slice(i, i + n), training));
  if (run) return modules.slice(i, i + run).map((_, k) => i + k);
  const first = modules[i];
  const last = inOrder ? i + 1 : modules.length - 1;
  const second = modules.findIndex((m, k) => k > i && k <= last && !taken.has(k) && normalizes(m, first));
  return second > 0 ? [i, second] : [i];
}

/** Whether a batch normalisation, or a subclass, fits the output of a layer that it could be folded into. */
function normalizes(norm: AnyModule, layer: AnyModule): boolean {
  return (
    (norm instanceof BatchNorm2d && layer instanceof Conv2d && norm.numFeatures === layer.outChannels) ||
    (norm instanceof BatchNorm1d && layer instanceof Linear && norm.numFeatures === layer.outFeatures)
  );
}
