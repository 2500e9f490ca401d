import { checkOptions } from '@octet/backend';
import type { AnyModule } from './module';

/** Takes a hook off again; a second call does nothing. */
export interface HookHandle {
  remove(): void;
}

export interface HookOptions {
  /** Whether `clone` gives the hook to the copy. It is handed the module it runs on, so it needs no other. */
  copyOnClone?: boolean;
  /** Says that the hook stores no tensor it sees: see `keepsNothing` of Module. */
  keepsNothing?: boolean;
}

/** Sees the arguments before `forward`; may return others in their place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing
export type ForwardPreHook<M, Args> = (module: M, args: Args) => Args | void;

/** Sees the output after `forward`; may return another in its place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing
export type ForwardHook<M, Args, Out> = (module: M, args: Args, output: Out) => Out | void;

interface Entry<H> {
  readonly hook: H;
  readonly copyOnClone: boolean;
  readonly keepsNothing: boolean;
}

function hookFlags(op: string, options: HookOptions | undefined): Required<HookOptions> {
  const { copyOnClone = false, keepsNothing = false } = checkOptions(op, options, 'copyOnClone keepsNothing');
  return { copyOnClone, keepsNothing };
}

/** The hooks of one module, in order of registration. */
export class Hooks {
  // biome-ignore-start lint/suspicious/noExplicitAny: Module types them for its callers
  private before: readonly Entry<ForwardPreHook<any, any>>[] = [];
  private after: readonly Entry<ForwardHook<any, any, any>>[] = [];

  addBefore(hook: ForwardPreHook<any, any>, options: HookOptions | undefined): HookHandle {
    const entry = { hook, ...hookFlags('registerForwardPreHook', options) };
    this.before = [...this.before, entry];
    const remove = () => {
      this.before = this.before.filter((e) => e !== entry);
    };
    return { remove };
  }

  addAfter(hook: ForwardHook<any, any, any>, options: HookOptions | undefined): HookHandle {
    const entry = { hook, ...hookFlags('registerForwardHook', options) };
    this.after = [...this.after, entry];
    const remove = () => {
      this.after = this.after.filter((e) => e !== entry);
    };
    return { remove };
  }

  /** `forward` with all hooks around it. */
  around(module: AnyModule, args: any[]): any {
    for (const { hook } of this.before) args = hook(module, args) ?? args;
    let output = module.forward(...args);
    for (const { hook } of this.after) output = hook(module, args, output) ?? output;
    return output;
  }
  // biome-ignore-end lint/suspicious/noExplicitAny: see above

  get count(): number {
    return this.before.length + this.after.length;
  }

  /** Whether no hook stores what it sees. */
  get keepNothing(): boolean {
    return [...this.before, ...this.after].every((entry) => entry.keepsNothing);
  }

  /** What a copied module gets; undefined if nothing. */
  forClone(): Hooks | undefined {
    const copy = new Hooks();
    copy.before = this.before.filter((e) => e.copyOnClone);
    copy.after = this.after.filter((e) => e.copyOnClone);
    return copy.count > 0 ? copy : undefined;
  }
}
