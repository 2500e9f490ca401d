import { QuantizationError } from '@octet/backend';
import {
  type AnyModule,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Identity,
  Linear,
  ReLU,
  Sequential,
} from '@octet/nn';
import { foldInto } from './fold-batch-norm';
import { ConvBn2d, ConvBnReLU2d, ConvReLU2d, LinearReLU } from './intrinsic';

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
 * of each list becomes the fused module, the others become Identity.
 *
 * @param modulesToFuse paths under `model`, one list or several: `[['conv', 'bn', 'relu']]`
 * @throws QuantizationError in training mode, or for a list of types that doesn't fuse
 */
export function fuseModules<M extends AnyModule>(
  model: M,
  modulesToFuse: readonly string[] | readonly (readonly string[])[],
  options: FuseOptions = {},
): M {
  return fuseNamed('fuseModules', model, modulesToFuse, options);
}

/** As fuseModules, in training mode: batch normalisation stays, as ConvBn2d and ConvBnReLU2d, and goes on learning. */
export function fuseModulesQat<M extends AnyModule>(
  model: M,
  modulesToFuse: readonly string[] | readonly (readonly string[])[],
  options: FuseOptions = {},
): M {
  return fuseNamed('fuseModulesQat', model, modulesToFuse, options);
}

type Op = 'fuseModules' | 'fuseModulesQat';

function fuseNamed<M extends AnyModule>(
  op: Op,
  model: M,
  modulesToFuse: readonly string[] | readonly (readonly string[])[],
  { inplace = true }: FuseOptions,
): M {
  const target = inplace ? model : model.clone();
  const lists =
    modulesToFuse.length > 0 && typeof modulesToFuse[0] === 'string'
      ? [modulesToFuse as readonly string[]]
      : (modulesToFuse as readonly (readonly string[])[]);
  const found = lists.map((paths) => {
    const modules = paths.map((path) => target.getSubmodule(path));
    return { paths, modules, fuser: requireFuser(op, paths, modules) };
  });
  for (const { paths, modules, fuser } of found) {
    const fused = fuser(...modules);
    fused.train(modules[0].training);
    if (modules[0].qconfig !== undefined) fused.qconfig = modules[0].qconfig;
    target.setSubmodule(paths[0], fused);
    for (const path of paths.slice(1)) target.setSubmodule(path, new Identity().train(modules[0].training));
  }
  return target;
}

function requireFuser(op: Op, paths: readonly string[], modules: readonly AnyModule[]): Fuser {
  const training = op === 'fuseModulesQat';
  const wrongMode = modules.find((m) => m.training !== training);
  if (wrongMode) {
    throw new QuantizationError({
      op,
      expected: training ? 'a model in training mode' : 'a model in evaluation mode',
      found: training ? 'evaluation mode' : 'training mode',
      fix: training
        ? 'Call model.train() first; to fold batch normalisation, use fuseModules in evaluation mode.'
        : 'Call model.eval() first; to keep batch normalisation for training, use fuseModulesQat.',
    });
  }
  const known = findPattern(modules);
  const fuser = known && (training ? known.train : known.eval);
  if (fuser) return fuser;
  throw new QuantizationError({
    op,
    expected: `one of ${patterns
      .filter((p) => (training ? p.train : p.eval))
      .map((p) => p.types.map((t) => t.name).join('-'))
      .join(', ')}`,
    found: `${modules.map((m) => m.constructor.name).join('-')} (${paths.join(', ')})`,
    fix: 'Name modules that follow one another in the forward pass; a layer can be fused once.',
  });
}

function findPattern(modules: readonly AnyModule[]): FusionPattern | undefined {
  return patterns.find(
    ({ types }) => types.length === modules.length && types.every((t, i) => modules[i].constructor === t),
  );
}

/**
 * Finds what can be fused by itself: runs of layers inside every Sequential. By fuseModules or fuseModulesQat, after the
 * model's mode. Layers that only `forward` ties together can't be seen: name them with fuseModules.
 */
export function fuse<M extends AnyModule>(model: M, { inplace = false }: FuseOptions = {}): M {
  const target = inplace ? model : model.clone();
  for (const module of target.modules()) {
    if (!(module instanceof Sequential)) continue;
    const children = module.namedChildren();
    for (let i = 0; i < children.length; ) {
      const size = [3, 2].find(
        (n) =>
          i + n <= children.length &&
          canFuse(
            children.slice(i, i + n).map(([, m]) => m),
            model.training,
          ),
      );
      if (size) {
        const paths = children.slice(i, i + size).map(([name]) => name);
        fuseNamed(model.training ? 'fuseModulesQat' : 'fuseModules', module, paths, {});
      }
      i += size ?? 1;
    }
  }
  return target;
}

function canFuse(modules: readonly AnyModule[], training: boolean): boolean {
  const known = findPattern(modules);
  return Boolean(known && (training ? known.train : known.eval));
}
