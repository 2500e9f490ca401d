import { ArgumentError, AutogradError, checkOptions, requireType } from '@octet/backend';
import { onesLike } from './factory';
import { broadcastOperands, emptyOn, overwrite, requireTensor, run } from './kernel';
import { contiguousStrides, formatShape, isDense, sameShape, sameStrides } from './layout';
import { checkRead, whileRunning } from './running-backward';
import { scope, tidy } from './scope';
import { Storage } from './storage';
import type { Tensor } from './tensor';

/**
 * The gradients of a node's inputs, given that of its output; undefined where `needs` is false. It may return `grad`
 * itself but must not store it: `grad` is freed after use. It runs in a scope, which frees what it allocates and doesn't return.
 */
export type Backward = (grad: Tensor, needs: readonly boolean[]) => readonly (Tensor | undefined)[];

/** The operands of an op, by name or in a list; absent ones may be undefined. */
export type Operands = readonly Tensor[] | Readonly<Record<string, Tensor | undefined>>;

/** Where a gradient flows on to: the op that made a tensor, or a leaf. */
type Target = GradNode | Tensor;

/** What an op used, without its memory. */
interface Used {
  readonly name: string;
  readonly shape: readonly number[];
  readonly serial: number;
  readonly version: number;
}

function used(name: string, { shape, storage: { serial, version } }: Tensor): Used {
  return { name, shape, serial, version };
}

/**
 * One recorded op: how the gradient of its output flows to its inputs. It knows its inputs by the ops that made them, not
 * as tensors, so that a graph keeps alive only what the backward functions saved.
 */
export class GradNode {
  /** The output itself, if it asked to keep its gradient. */
  retained: Tensor | undefined = undefined;
  /** What backward reads must not have been written since. */
  readonly recordedAt = Storage.now;

  constructor(
    readonly op: string,
    /** undefined: no gradient is wanted there. */
    public inputs: readonly (Target | undefined)[],
    public backward: Backward | undefined,
    /** Inputs and output. */
    readonly used: readonly Used[],
    /** What backward reads, held until it is through. */
    private held: readonly Storage[],
  ) {}

  /** Lets go of the saved tensors, so that they can be collected. */
  release(): void {
    this.inputs = [];
    this.backward = undefined;
    const { held } = this;
    this.held = [];
    for (const storage of held) storage.letGo();
  }
}

function targetOf(tensor: Tensor): Target | undefined {
  return tensor.gradNode ?? (tensor.requiresGrad ? tensor : undefined);
}

let gradEnabled = true;

export function isGradEnabled(): boolean {
  return gradEnabled;
}

function withGradMode<T>(op: string, mode: boolean, fn: () => T): T {
  requireType(op, 'fn', fn, 'function');
  const before = gradEnabled;
  gradEnabled = mode;
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new ArgumentError({
        op,
        expected: 'a synchronous function',
        found: 'one that returns a promise',
        fix: `Call ${op} around the synchronous parts: what runs after an await would run in the mode around it.`,
      });
    }
    return result;
  } finally {
    gradEnabled = before;
  }
}

/** Runs `fn` without recording: its results require no gradient. */
export function noGrad<T>(fn: () => T): T {
  return withGradMode('noGrad', false, fn);
}

/** Runs `fn` with recording, also inside `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  return withGradMode('enableGrad', true, fn);
}

/** Whether an op of these inputs is recorded. */
export function willRecord(...inputs: readonly (Tensor | undefined)[]): boolean {
  return gradEnabled && inputs.some((t) => t?.requiresGrad);
}

/** Keeps a tensor for the backward function; `undefined` where `wanted` says that no gradient needs it. */
export interface Save {
  (t: Tensor): Tensor;
  (t: Tensor, wanted: boolean): Tensor | undefined;
}

/** Which inputs want a gradient, in the form of the inputs. */
export type Needs<I extends Operands> = { readonly [K in keyof I]: boolean };

/**
 * Runs an op and records how its gradient flows, if an input requires one; the names of `inputs` are for errors.
 *
 * `body` returns the output and its backward function (none: the op has no gradient), which gives the gradients in the
 * order of `inputs`. Both run without recording. What backward reads passes through `save`. Everything that `body` allocated
 * is freed when it ends, but for the output, and what was saved, which is freed when backward is through with it. A saved
 * tensor must be as it was: one that was changed in place since makes the backward pass throw AutogradError.
 *
 * @example
 * const square = (x: Tensor) =>
 *   op('square', { x }, (save) => {
 *     const saved = save(x);
 *     return [x.mul(x), (grad) => [grad.mul(saved).mul(2)]];
 *   });
 */
export function op<I extends Operands>(
  name: string,
  inputs: I,
  body: (save: Save, needs: Needs<I>) => readonly [output: Tensor, backward?: Backward],
): Tensor {
  const operands = Object.values(inputs) as (Tensor | undefined)[];
  const recording = willRecord(...operands);
  const needs = (recording ? wanting(inputs) : nothing) as Needs<I>;
  const held: Storage[] = [];
  const save = (t: Tensor, wanted = true) => {
    if (!wanted) return undefined;
    if (!recording) return t;
    t.storage.hold();
    held.push(t.storage);
    return t.detach();
  };
  const before = gradEnabled;
  gradEnabled = false;
  let backward: Backward | undefined;
  let done = false;
  try {
    const output = tidy(() => {
      const [y, gradient] = body(save as Save, needs);
      backward = gradient;
      return y;
    });
    if (recording && backward) {
      attach(name, output, inputs, backward, held);
      done = true;
    }
    return output;
  } finally {
    gradEnabled = before;
    if (!done) for (const storage of held) storage.letGo();
  }
}

/** Where no gradient is wanted. */
const nothing = Object.freeze({});

function wanting(inputs: Operands): Needs<Operands> {
  const wants = (t: Tensor | undefined) => t?.requiresGrad === true;
  if (Array.isArray(inputs)) return inputs.map(wants);
  const needs: Record<string, boolean> = {};
  for (const [key, t] of Object.entries(inputs)) needs[key] = wants(t);
  return needs;
}

function attach(
  name: string,
  output: Tensor,
  inputs: Operands,
  backward: Backward,
  held: readonly Storage[],
): void {
  const names = Object.keys(inputs);
  const uses: Used[] = [];
  const targets = (Object.values(inputs) as (Tensor | undefined)[]).map((t, i) => {
    if (!t) return undefined;
    uses.push(used(names[i], t));
    return targetOf(t);
  });
  uses.push(used('output', output));
  output.attachGrad(new GradNode(name, targets, backward, uses, held));
}

/**
 * Ties `output` into the graph if any input requires a gradient, as `op` does, but holds nothing: what `backward` closes over
 * must not be freed before.
 */
export function record(name: string, output: Tensor, inputs: Operands, backward: Backward): Tensor {
  if (willRecord(...(Object.values(inputs) as (Tensor | undefined)[])))
    attach(name, output, inputs, backward, []);
  return output;
}

export interface BackwardOptions {
  /** Keep the graph for another backward pass. */
  retainGraph?: boolean;
}

/**
 * Adds the gradients of `root` to `grad` of every leaf under it.
 * @throws AutogradError if there is no graph, if it has run already, or if a tensor that an op saved was changed in place
 */
export function backward(root: Tensor, gradient?: Tensor, options: BackwardOptions = {}): void {
  const { retainGraph = false } = checkOptions('backward', options, 'retainGraph');
  const since = Storage.now;
  const taken = new Set<Storage>();
  // Made by this walk, and not yet some tensor's gradient.
  const isFree = (storage: Storage) => storage.serial >= since && !taken.has(storage);
  const sums: [Tensor, Tensor][] = [];
  walk('backward', [root], [gradient], retainGraph, (target, g) => {
    const tensor = target instanceof GradNode ? target.retained : target;
    if (!tensor?.requiresGrad) return false;
    const sum = accumulated(tensor, g, isFree);
    sums.push([tensor, sum]);
    taken.add(sum.storage);
    return sum.storage === g.storage;
  });
  // At the end: an error leaves all gradients as they were.
  for (const [tensor, sum] of sums) tensor.grad = sum;
}

/**
 * The gradients of `outputs` (summed) with respect to `inputs`; touches no `.grad`.
 * @throws AutogradError as `backward`; if an input isn't part of the graph, unless `allowUnused`, which gives undefined there.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options?: BackwardOptions & {
    gradOutputs?: readonly (Tensor | undefined)[];
    allowUnused?: boolean;
  },
): (Tensor | undefined)[] {
  const {
    gradOutputs,
    retainGraph = false,
    allowUnused = false,
  } = checkOptions('grad', options, 'gradOutputs retainGraph allowUnused');
  const roots = Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor];
  requireTensor('grad', ...roots, ...inputs);
  const found = new Map<Target, Tensor>();
  const wanted = new Set(inputs.map(targetOf));
  walk(
    'grad',
    roots,
    roots.map((_, i) => gradOutputs?.[i]),
    retainGraph,
    (target, g) => {
      if (wanted.has(target)) found.set(target, g);
      return wanted.has(target);
    },
  );
  return inputs.map((input, i) => {
    const target = targetOf(input);
    const g = target && found.get(target);
    if (!g && !allowUnused) {
      throw new AutogradError({
        op: 'grad',
        expected: `input ${i} to be used by the outputs`,
        found: input.requiresGrad ? 'no way from it to them' : 'a tensor that requires no gradient',
        fix: 'Set requiresGrad before the forward pass, or pass { allowUnused: true }.',
      });
    }
    return g;
  });
}

/** a + b, two gradients of one tensor. Not recorded. */
function sumOf(a: Tensor, b: Tensor): Tensor {
  const { shape, strides, operands } = broadcastOperands('add', a, b);
  const y = emptyOn(a, shape, { strides });
  run('add', { a: operands[0], b: operands[1] }, { y }, {});
  return y;
}

/**
 * `tensor.grad` plus `g`. The first gradient is taken as it is only if its memory is nobody else's and lies as the tensor's
 * does: gradients are written in place by those who clip them, and the steps of optimizers want one layout.
 */
function accumulated(tensor: Tensor, g: Tensor, isFree: (storage: Storage) => boolean): Tensor {
  const { grad } = tensor;
  if (grad) return scope(() => sumOf(grad, g));
  const strides = isDense(tensor.shape, tensor.strides) ? tensor.strides : contiguousStrides(tensor.shape);
  const own = isFree(g.storage) && g.storage.length === g.numel && sameStrides(g.shape, g.strides, strides);
  if (own) return g;
  const copy = emptyOn(g, g.shape, { strides });
  overwrite('backward', copy, g);
  return copy;
}

/**
 * Visits every op and leaf of the graph once, with its whole gradient, outputs before inputs. A gradient that `visit`
 * doesn't keep (it says so) is freed when it has been passed on: nobody else knows of it.
 */
function walk(
  op: string,
  roots: readonly Tensor[],
  gradients: readonly (Tensor | undefined)[],
  retainGraph: boolean,
  visit: (target: Target, grad: Tensor) => boolean,
): void {
  const grads = new Map<Target, Tensor>();
  const memory = new GradientMemory();
  const send = (target: Target, g: Tensor) => {
    memory.hold(g);
    const sum = grads.get(target);
    if (!sum) {
      grads.set(target, g);
      return;
    }
    const both = scope(() => sumOf(sum, g));
    memory.hold(both);
    grads.set(target, both);
    memory.drop(sum);
    memory.drop(g);
  };
  noGrad(() => {
    roots.forEach((root, i) => {
      const g = rootGradient(op, root, gradients[i]);
      send(targetOf(root) as Target, g);
    });
  });
  const starts = [...grads.keys()];
  // A gradient is whole when all users have sent theirs.
  const waiting = new Map<Target, number>();
  const stack = [...starts];
  const seen = new Set<Target>(stack);
  while (stack.length > 0) {
    const node = stack.pop() as Target;
    if (!(node instanceof GradNode)) continue;
    if (!node.backward) throw alreadyFreed(op, node.op);
    for (const input of node.inputs) {
      if (!input) continue;
      waiting.set(input, (waiting.get(input) ?? 0) + 1);
      if (!seen.has(input)) {
        seen.add(input);
        stack.push(input);
      }
    }
  }
  const ready = starts.filter((t) => !waiting.has(t));
  noGrad(() => {
    while (ready.length > 0) {
      const target = ready.pop() as Target;
      const grad = grads.get(target);
      grads.delete(target);
      if (grad && visit(target, grad)) memory.keep(grad);
      if (!(target instanceof GradNode)) {
        if (grad) memory.drop(grad);
        continue;
      }
      const { inputs } = target;
      const needs = inputs.map((t) => t !== undefined);
      const { backward } = target;
      // What nobody asked for goes too.
      const results = grad && backward ? scope(() => inputGradients(op, target, backward, grad, needs)) : [];
      inputs.forEach((input, i) => {
        if (!input) return;
        const g = results[i];
        if (g) send(input, g);
        const left = (waiting.get(input) as number) - 1;
        waiting.set(input, left);
        if (left === 0) ready.push(input);
      });
      if (grad) memory.drop(grad);
      if (!retainGraph) target.release();
    }
  });
}

/** What the backward function of `node` gives, where it is asked for. */
function inputGradients(
  op: string,
  node: GradNode,
  backward: Backward,
  grad: Tensor,
  needs: readonly boolean[],
): (Tensor | undefined)[] {
  return whileRunning({ op, node, grad, since: Storage.now }, () =>
    backward(grad, needs).map((g, i) => {
      if (!g || !needs[i]) return undefined;
      if (g !== grad) checkRead('gradient', g);
      return g;
    }),
  );
}

/** Counts who still needs the gradients of one walk, and frees those that nobody does. */
class GradientMemory {
  private readonly since = Storage.now;
  private readonly holders = new Map<Storage, number>();
  private readonly kept = new Set<Storage>();

  hold({ storage }: Tensor): void {
    // Older memory is the user's: a gradient passed in.
    if (storage.serial >= this.since && !this.kept.has(storage))
      this.holders.set(storage, (this.holders.get(storage) ?? 0) + 1);
  }

  drop({ storage }: Tensor): void {
    const left = (this.holders.get(storage) ?? 0) - 1;
    if (left > 0) this.holders.set(storage, left);
    else if (this.holders.delete(storage)) storage.release();
  }

  /** It outlives the walk. */
  keep({ storage }: Tensor): void {
    this.kept.add(storage);
    this.holders.delete(storage);
  }
}

function rootGradient(op: string, root: Tensor, gradient: Tensor | undefined): Tensor {
  if (!root.requiresGrad) {
    throw new AutogradError({
      op,
      expected: 'a tensor that was computed from one with requiresGrad',
      found: 'one that requires no gradient',
      fix: 'Set requiresGrad on a parameter or input before the forward pass, and leave noGrad() out of it.',
    });
  }
  if (!gradient) {
    if (root.numel !== 1) {
      throw new AutogradError({
        op,
        expected: 'a single number, or a gradient of the same shape as argument',
        found: `a tensor of shape ${formatShape(root.shape)} and no gradient`,
        fix: 'Reduce it first, as in loss.mean().backward(), or pass the gradient.',
      });
    }
    return onesLike(root);
  }
  requireTensor(op, gradient);
  if (gradient.dtype !== root.dtype) {
    throw new AutogradError({
      op,
      expected: `a gradient of dtype ${root.dtype}`,
      found: gradient.dtype,
      fix: 'Pass a gradient of the dtype of the tensor.',
    });
  }
  if (!sameShape(gradient.shape, root.shape)) {
    throw new AutogradError({
      op,
      expected: `a gradient of shape ${formatShape(root.shape)}`,
      found: formatShape(gradient.shape),
      fix: 'Pass a gradient of the shape of the tensor.',
    });
  }
  return gradient;
}

function alreadyFreed(op: string, node: string): AutogradError {
  return new AutogradError({
    op,
    expected: 'a graph that has not run backward yet',
    found: `the saved tensors of '${node}' already freed`,
    fix: 'A second backward needs the first to keep the graph: backward(undefined, { retainGraph: true }); or run forward again.',
  });
}
