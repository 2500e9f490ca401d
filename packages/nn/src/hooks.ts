import { checkOptions, requireType } from '@octet/backend';
import type { AnyModule } from './module';

/** Takes a hook off again; a second call does nothing. */
export interface HookHandle {
  remove(): void;
}

export interface HookOptions {
  /** Whether `clone` gives the hook to the copy. It is handed the module it runs on, so it needs no other. */
  copyOnClone?: boolean;
  /** Whether the hook runs before those already there; false: after them. */
  prepend?: boolean;
}

/** Sees the arguments before `forward`; may return others in their place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing
export type ForwardPreHook<M, Args> = (module: M, args: Args) => Args | void;

/** Sees the output after `forward`; may return another in its place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing
export type ForwardHook<M, Args, Out> = (module: M, args: Args, output: Out) => Out | void;

/** Whether a hook runs before `forward` or after it. */
export type HookTime = 'before' | 'after';

interface Entry {
  // biome-ignore lint/suspicious/noExplicitAny: Module types hooks for its callers
  readonly hook: (...args: any[]) => any;
  readonly copyOnClone: boolean;
  /** Whose hook it is: handles find it there after it was moved. */
  home: Hooks;
}

/** The hooks of one module, in order. */
export class Hooks {
  private before: readonly Entry[] = [];
  private after: readonly Entry[] = [];

  add(time: HookTime, hook: Entry['hook'], options: HookOptions | undefined): HookHandle {
    const op = time === 'before' ? 'registerForwardPreHook' : 'registerForwardHook';
    const { copyOnClone = false, prepend = false } = checkOptions(op, options, 'copyOnClone prepend');
    requireType(op, 'hook', hook, 'function');
    const entry: Entry = { hook, copyOnClone, home: this };
    this[time] = prepend ? [entry, ...this[time]] : [...this[time], entry];
    return { remove: () => entry.home.drop((e) => e === entry) };
  }

  drop(which: (entry: Entry) => boolean): void {
    this.before = this.before.filter((e) => !which(e));
    this.after = this.after.filter((e) => !which(e));
  }

  /** Gives the hooks of one time to another module, behind its own. */
  moveTo(other: Hooks, time: HookTime): void {
    for (const entry of this[time]) entry.home = other;
    other[time] = [...other[time], ...this[time]];
    this[time] = [];
  }

  /** `forward` with all hooks around it. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  around(module: AnyModule, args: any[]): any {
    for (const { hook } of this.before) args = hook(module, args) ?? args;
    let output = module.forward(...args);
    for (const { hook } of this.after) output = hook(module, args, output) ?? output;
    return output;
  }

  get count(): number {
    return this.before.length + this.after.length;
  }

  /** Whether all are Octet's own hooks, which store no tensor that they see. */
  get pure(): boolean {
    return [...this.before, ...this.after].every(({ hook }) => 'pure' in hook);
  }

  /** What a copied module gets: all hooks, or those that ask for it; undefined if nothing. */
  forClone(all: boolean): Hooks | undefined {
    const copy = new Hooks();
    const copied = (entries: readonly Entry[]) =>
      entries.filter((e) => all || e.copyOnClone).map((e) => ({ ...e, home: copy }));
    copy.before = copied(this.before);
    copy.after = copied(this.after);
    return copy.count > 0 ? copy : undefined;
  }
}
