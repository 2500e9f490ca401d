import {
  type Backend,
  checkOptions,
  describe,
  isFloatDType,
  kind,
  ModuleError,
  OctetError,
  requireFlag,
  requireOwnCopy,
  requireType,
} from '@octet/backend';
import { createHostBackend } from '@octet/backend-js-reference';
import { cast, copyStrided, fill } from '@octet/backend-js-reference/kernels';
import { hasCallHooks, hookedCall } from '@octet/graph';
import { clone as cloneTensor, getBackend, kernel, outside, Tensor, tidy } from '@octet/tensor/functional';
import { type Copies, deepCopy } from './clone';
import {
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  type HookOptions,
  Hooks,
  type HookTime,
} from './hooks';
import { Buffer, Parameter, sameKind } from './parameter';
import {
  type LoadResult,
  load,
  type SaveState,
  type StateDict,
  type StateLoader,
  stateKey,
} from './state-dict';

/** A module whatever it takes and gives. */
// biome-ignore lint/suspicious/noExplicitAny: the children of a module have any signature
export type AnyModule = Module<any, any>;

// Beside the modules, not in them: hooks are no part of a module's fields, and a clone starts without.
const hooksOf = new WeakMap<object, Hooks>();

// Where modules were moved to: those without tensors have nothing else to tell by.
const homes = new WeakMap<object, Backend>();

/** The outermost module so far that an error's path leads down from. */
const foundUnder = new WeakMap<OctetError, AnyModule>();

/** Lets an error that passes through the call of `module` name where it came from, as seen from there. */
function placeIn(module: AnyModule, error: OctetError): void {
  const inner = foundUnder.get(error);
  const way = inner ? module.namedModules().find(([, m]) => m === inner)?.[0] : '';
  // Called from here, but no part of it.
  if (way === undefined) return;
  foundUnder.set(error, module);
  const { path = '', type = typeName(module) } = error.module ?? {};
  error.placeIn(way && path ? join(way, path) : way || path, type);
}

/**
 * The base of all layers and models.
 *
 * Fields are the registry: what the fields of a module hold, a `Parameter`, `Buffer` or `Module`, is a parameter, buffer
 * or child of it, under the field's name, in the order of the fields. `undefined` stands for one that is absent (a
 * layer without bias); assigning a field again replaces what was there. Plain tensors and arrays are not looked at:
 * lists of modules go into a `ModuleList`.
 *
 * Paths (`namedModules`, `getSubmodule`) are the fields as written, `layers.0.skipAdd`. Keys of the state dict are
 * PyTorch's, `layers.0.skip_add.scale`.
 *
 * Octet's own classes state `static readonly pure = true`: their `forward` keeps no reference to its arguments, its result, or
 * anything that it allocates, and a test proves it for each. What passes between such modules inside a module of Octet is
 * freed at once. Whatever a class without the mark, or a hook, has seen or made stays until garbage collection.
 *
 * @example
 * class Classifier extends Module {
 *   readonly hidden = new Linear(784, 32);
 *   readonly out = new Linear(32, 10);
 *
 *   forward(x: Tensor) {
 *     return this.out.call(this.hidden.call(x).relu());
 *   }
 * }
 */
export abstract class Module<Args extends unknown[] = [Tensor], Out = Tensor> {
  /** Set by `train` and `eval`; dropout and batch normalisation go by it. */
  training = true;
  /** How to quantize this module and those under it; see @octet/quantization. */
  declare qconfig?: unknown;

  /** What the module computes. Use `call`, which runs the hooks too. */
  abstract forward(...args: Args): Out;

  get [kind](): string {
    return 'Module';
  }

  /** `forward` with the hooks around it. Errors that Octet throws there name the module, from the one that was called first. */
  call(...args: Args): Out {
    return hasCallHooks()
      ? hookedCall(this, 'forward', args, () => this.callHooked(args))
      : this.callHooked(args);
  }

  private callHooked(args: Args): Out {
    const hooks = hooksOf.get(this);
    try {
      if (isPure(this)) {
        if (!hooks) return this.forward(...args);
        // What a hook replaces is nobody's.
        if (hooks.pure) return tidy(() => hooks.around(this, args));
      }
      return outside(args, () => (hooks ? hooks.around(this, args) : this.forward(...args)));
    } catch (error) {
      if (error instanceof OctetError) placeIn(this, error);
      throw error;
    }
  }

  // ---- mode

  /** Training mode (or, with false, evaluation) for this module and all under it. */
  train(mode = true): this {
    this.training = requireFlag('train', 'mode', mode);
    for (const child of this.children()) child.train(mode);
    return this;
  }

  /** As `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  // ---- what it is made of

  /** The modules in its fields, one for each field. */
  children(): AnyModule[] {
    return this.namedChildren().map(([, child]) => child);
  }

  namedChildren(): [name: string, child: AnyModule][] {
    return fieldsOf(this, Module);
  }

  /** Itself and all modules under it, parents first; a module in several places once. */
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** `modules` with their paths; '' is the module itself. */
  namedModules(): [path: string, module: AnyModule][] {
    const found = new Map<AnyModule, string>();
    const visit = (module: AnyModule, path: string) => {
      if (found.has(module)) return;
      found.set(module, path);
      for (const [name, child] of module.namedChildren()) visit(child, join(path, name));
    };
    visit(this, '');
    return [...found].map(([module, path]) => [path, module]);
  }

  /** All parameters, a shared one once. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  namedParameters(): [path: string, parameter: Parameter][] {
    return tensorsUnder(this, Parameter);
  }

  /** All buffers, a shared one once. */
  buffers(): Buffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  namedBuffers(): [path: string, buffer: Buffer][] {
    return tensorsUnder(this, Buffer);
  }

  /** The module at `path`; '' is this one. @throws ModuleError if there is none */
  getSubmodule(path: string): AnyModule {
    if (path === '') return this;
    let at: AnyModule = this;
    for (const name of path.split('.')) {
      const child: unknown = Object.hasOwn(at, name) ? at[name as keyof AnyModule] : undefined;
      if (!(child instanceof Module)) {
        const names = at.namedChildren().map(([n]) => `'${n}'`);
        throw new ModuleError({
          op: 'getSubmodule',
          expected: `a module at '${path}'`,
          found: `no child '${name}' in ${typeName(at)}`,
          fix: names.length > 0 ? `It has ${names.join(', ')}.` : 'It has no children.',
        });
      }
      at = child;
    }
    return at;
  }

  /** Replaces the module at `path`. @throws ModuleError if there is none, or the path is '' */
  setSubmodule(path: string, module: AnyModule): void {
    if (path === '') {
      throw new ModuleError({
        op: 'setSubmodule',
        expected: 'the path of a module under this one',
        found: "''",
        fix: 'A module cannot replace itself: assign the new one where you keep this.',
      });
    }
    this.getSubmodule(path);
    const dot = path.lastIndexOf('.');
    setField(this.getSubmodule(path.slice(0, Math.max(0, dot))), path.slice(dot + 1), module);
  }

  /** Calls `fn` for every module under this one and then for itself. */
  apply(fn: (module: AnyModule) => void): this {
    requireType('apply', 'fn', fn, 'function');
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  // ---- gradients

  /** Whether the parameters learn. */
  requiresGrad_(flag = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = flag;
    return this;
  }

  /** Forgets the parameters' gradients. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = undefined;
  }

  // ---- moving and copying

  /**
   * Moves parameters and buffers to a backend, or converts the float ones to a dtype, in place. The fields get new
   * tensors, leaves as before (those already there stay): make the optimizer afterwards.
   * @throws BackendError if the backend they leave can't be read at once: see `toAsync`
   */
  to(target: Backend | 'float32' | 'float64'): this {
    return this.replaceTensors(target, (t) => t.detach().to(target));
  }

  /** As `to(backend)`, also from a backend that can't be read at once (WebGPU). All tensors change in the end, at once. */
  async toAsync(backend: Backend): Promise<this> {
    const tensors = this.modules().flatMap((module) => ownTensors(module).map(([, t]) => t));
    const all = tensors.flatMap((t) => (t.grad ? [t, t.grad] : [t]));
    const there = new Map<Tensor, Tensor>();
    await Promise.all(all.map(async (t) => there.set(t, await t.detach().toAsync(backend))));
    return this.replaceTensors(backend, (t) => there.get(t) ?? t.detach().to(backend));
  }

  /** Puts `to(t)` in the place of every parameter, buffer and gradient that isn't at `target`. */
  private replaceTensors(target: Backend | 'float32' | 'float64', to: (t: Tensor) => Tensor): this {
    if (typeof target !== 'string') kernel.requireBackend('to', target);
    const moved = new Map<Tensor, Tensor>();
    const move = <T extends Tensor>(t: T): T => {
      const there =
        typeof target === 'string' ? target === t.dtype || !isFloatDType(t.dtype) : target === t.backend;
      if (there) return t;
      let copy = moved.get(t) as T | undefined;
      if (!copy) {
        copy = sameKind(t, to(t));
        copy.grad = t.grad && to(t.grad);
        moved.set(t, copy);
      }
      return copy;
    };
    for (const module of this.modules()) {
      if (typeof target !== 'string') homes.set(module, target);
      for (const [name, t] of ownTensors(module)) setField(module, name, move(t));
      module.tensorsChanged();
    }
    return this;
  }

  /**
   * A deep copy: modules, tensors, and what arrays, maps, sets and plain objects in the fields hold. What is shared
   * within the model is shared within the copy. Functions, the `qconfig` and instances of other classes are the same
   * objects; gradients are not copied, nor are hooks, unless registered with `copyOnClone` or asked for by `hooks: true`.
   * Classes with `#private` fields can't be copied.
   */
  clone(options?: { hooks?: boolean }): this {
    const { hooks = false } = checkOptions('clone', options, 'hooks');
    return copyModule(this, new Map(), hooks);
  }

  /**
   * Called when this module's tensors were replaced or overwritten: on the copy after `clone`, after `to`, and after
   * `loadStateDict`. Override it to make anew what was derived from them.
   */
  protected tensorsChanged(): void {}

  // ---- state

  /**
   * Parameters and persistent buffers under PyTorch's names, in order. The tensors are detached and share memory with
   * the module: clone what must not change with it.
   *
   * @throws ModuleError for two fields of one name there, such as `fcOut` and `fc_out`
   */
  stateDict(): StateDict {
    const out: StateDict = {};
    const home = [...this.parameters(), ...this.buffers()][0]?.backend ?? getBackend();
    const visit = (module: AnyModule, prefix: string) => {
      requireOwnKeys(module);
      const save = (key: string, tensor: Tensor) => {
        out[prefix + key] = tensor;
      };
      module.saveState(Object.assign(save, { backend: homes.get(module) ?? home }));
      for (const [name, child] of module.namedChildren()) visit(child, `${prefix}${stateKey(name)}.`);
    };
    visit(this, '');
    return out;
  }

  /**
   * Copies the entries of `state` into parameters and buffers, in place; across backends too. Everything is checked
   * before anything changes. A tensor or module that is in several places needs to be there under one name only.
   *
   * @throws ModuleError as `stateDict`, and naming every entry that is missing or unexpected (if strict) or of the wrong shape or dtype;
   * BackendError for entries that would have to be read from a backend that can't be at once: see `loadStateDictAsync`
   */
  loadStateDict(state: Readonly<StateDict>, options?: { strict?: boolean }): LoadResult {
    const { strict = true } = checkOptions('loadStateDict', options, 'strict');
    const [result, replaced] = load(typeName(this), state, strict, this, (loader) => {
      const visit = (module: AnyModule, at: StateLoader) => {
        requireOwnKeys(module);
        module.loadState(at);
        for (const [name, child] of module.namedChildren()) visit(child, at.child(stateKey(name), child));
      };
      visit(this, loader);
    });
    for (const module of this.modules()) {
      // A shared one that the state names once.
      for (const [name, t] of ownTensors(module)) {
        const other = replaced.get(t);
        if (other) setField(module, name, other);
      }
      module.tensorsChanged();
    }
    return result;
  }

  /** As `loadStateDict`, also for tensors on a backend that can't be read at once (WebGPU). */
  async loadStateDictAsync(state: Readonly<StateDict>, options?: { strict?: boolean }): Promise<LoadResult> {
    checkOptions('loadStateDictAsync', options, 'strict');
    const host = kernel.defaultBackend() ?? createHostBackend({ cast, copyStrided, fill });
    const readable = async (t: Tensor) => (t instanceof Tensor && !t.backend.readSync ? t.toAsync(host) : t);
    const entries = Object.entries(state).map(async ([key, t]) => [key, await readable(t)] as const);
    return this.loadStateDict(Object.fromEntries(await Promise.all(entries)), options);
  }

  /**
   * Hands this module's own entries (not its children's) to `save`. Override it together with `loadState` for state
   * that isn't in parameters and buffers: call `super`, then save more.
   */
  protected saveState(save: SaveState): void {
    for (const [name, t] of ownTensors(this)) {
      if (!(t instanceof Buffer) || t.persistent) save(stateKey(name), t.detach());
    }
  }

  /** Takes this module's own entries (not its children's): checks them, and says by `load.commit` what to change. */
  protected loadState(load: StateLoader): void {
    for (const [name, own] of ownTensors(this)) {
      const buffer = own instanceof Buffer ? own : undefined;
      if (buffer && !buffer.persistent) continue;
      const source = load.takeLike(stateKey(name), own, { anyShape: buffer?.anyShape ?? false });
      if (!source) continue;
      load.commit(() => {
        // Another shape, or another scale and zero point, need another tensor.
        const replace = buffer?.anyShape || own.isQuantized;
        const other = () => sameKind(own, cloneTensor(source.detach()).to(own.backend));
        if (replace) setField(this, name, load.replace(own, other));
        else own.copy_(source);
      });
    }
  }

  // ---- hooks

  /** `hook` runs before every `call`, with the arguments, and may return others. */
  registerForwardPreHook(hook: ForwardPreHook<this, Args>, options?: HookOptions): HookHandle {
    return hooksFor(this).add('before', hook, options);
  }

  /** `hook` runs after every `call`, with arguments and output, and may return another output. */
  registerForwardHook(hook: ForwardHook<this, Args, Out>, options?: HookOptions): HookHandle {
    return hooksFor(this).add('after', hook, options);
  }

  // ---- printing

  /** What stands in the parentheses when the module is printed: its arguments. */
  extraRepr(): string {
    return '';
  }

  /** As PyTorch prints modules: one line each, children indented. */
  toString(): string {
    const children = this.namedChildren().map(
      ([name, c]) => `(${name}): ${String(c).replaceAll('\n', '\n  ')}`,
    );
    const extra = this.extraRepr();
    if (children.length === 0) return `${typeName(this)}(${extra})`;
    return `${typeName(this)}(\n  ${[...(extra ? [extra] : []), ...children].join('\n  ')}\n)`;
  }
}

// By prototype.
const pure = new WeakMap<object, boolean>();

/** Whether `forward` is one of a class that says it keeps nothing: see `Module`. */
function isPure(module: AnyModule): boolean {
  if (Object.hasOwn(module, 'forward')) return false;
  const prototype = Object.getPrototypeOf(module);
  let known = pure.get(prototype);
  if (known === undefined) {
    let owner: object = prototype;
    while (!Object.hasOwn(owner, 'forward')) owner = Object.getPrototypeOf(owner);
    known = Object.hasOwn(owner.constructor, 'pure');
    pure.set(prototype, known);
  }
  return known;
}

/** Whether hooks run around the module's own `call`. A module that computes what others would must call them then. */
export function hasHooks(module: AnyModule): boolean {
  return (hooksOf.get(module)?.count ?? 0) > 0;
}

/**
 * Gives the hooks of one module, those before `forward`, after it, or both, to another, behind its own: for a module that takes
 * the place of another. The hooks' handles go on taking them off.
 */
export function moveHooks(from: AnyModule, to: AnyModule, ...times: readonly HookTime[]): void {
  const hooks = hooksOf.get(from);
  if (!hooks) return;
  for (const time of times.length > 0 ? times : (['before', 'after'] as const))
    hooks.moveTo(hooksFor(to), time);
}

/** Takes these hooks off the module, however often they are registered there. */
export function removeHooks(module: AnyModule, ...hooks: readonly unknown[]): void {
  hooksOf.get(module)?.drop(({ hook }) => hooks.includes(hook));
}

/** @throws ModuleError unless `value` is a module, BackendError for one of another copy of the package */
export function requireModule<M extends AnyModule>(op: string, value: M): M {
  if (value instanceof Module) return value;
  requireOwnCopy(op, value, { Module });
  throw new ModuleError({ op, expected: 'a module', found: describe(value), fix: 'Pass modules.' });
}

/** The name of a module's class, for people. */
export function typeName(module: object): string {
  return module.constructor.name || 'Module';
}

function hooksFor(module: object): Hooks {
  let hooks = hooksOf.get(module);
  if (!hooks) {
    hooks = new Hooks();
    hooksOf.set(module, hooks);
  }
  return hooks;
}

type Class<T> = abstract new (...args: never[]) => T;

const classes = { Tensor, Parameter, Buffer, Module };

/** @throws BackendError if a field holds what another copy of the packages made: it would be passed over */
function fieldsOf<T>(module: object, ...types: readonly Class<T>[]): [string, T][] {
  return Object.entries(module).filter((field): field is [string, T] => {
    const [name, value] = field;
    requireOwnCopy(`${typeName(module)}.${name}`, value, classes);
    return types.some((type) => value instanceof type);
  });
}

function setField(module: object, name: string, value: unknown): void {
  (module as Record<string, unknown>)[name] = value;
}

/** Parameters and buffers of the module itself, in the order of its fields. */
function ownTensors(module: object): [string, Parameter | Buffer][] {
  return fieldsOf<Parameter | Buffer>(module, Parameter, Buffer);
}

/** @throws ModuleError for fields that a state dict can't tell apart */
function requireOwnKeys(module: AnyModule): void {
  const fields = new Map<string, string>();
  for (const [name] of [...ownTensors(module), ...module.namedChildren()]) {
    const key = stateKey(name);
    const other = fields.get(key);
    if (other !== undefined) {
      throw new ModuleError({
        op: 'stateDict',
        expected: `a key of its own for each field of ${typeName(module)}`,
        found: `'${key}' for '${other}' and '${name}'`,
        fix: 'Rename one of them.',
      });
    }
    fields.set(key, name);
  }
}

function tensorsUnder<T extends Tensor>(root: AnyModule, type: Class<T>): [string, T][] {
  const found = new Map<T, string>();
  for (const [path, module] of root.namedModules()) {
    for (const [name, t] of fieldsOf(module, type)) if (!found.has(t)) found.set(t, join(path, name));
  }
  return [...found].map(([t, path]) => [path, t]);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function copyModule<M extends object>(module: M, copies: Copies, allHooks: boolean): M {
  const copy = Object.create(Object.getPrototypeOf(module)) as M;
  copies.set(module, copy);
  for (const [name, value] of Object.entries(module)) {
    const shared = name === 'qconfig';
    setField(
      copy,
      name,
      shared
        ? value
        : deepCopy(value, copies, (v) => (v instanceof Module ? copyModule(v, copies, allHooks) : undefined)),
    );
  }
  const home = homes.get(module);
  if (home) homes.set(copy, home);
  const hooks = hooksOf.get(module)?.forClone(allHooks);
  if (hooks) hooksOf.set(copy, hooks);
  (copy as unknown as { tensorsChanged(): void }).tensorsChanged();
  return copy;
}
