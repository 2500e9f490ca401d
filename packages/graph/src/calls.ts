/** A call of a module, as a call hook sees it. */
export interface CallEvent {
  readonly module: object;
  /** `forward`, or the method of a FloatFunctional or QFunctional. */
  readonly method: string;
  /** As the caller gave them: before the module's own hooks. */
  readonly args: readonly unknown[];
}

/** Wraps one call of a module: must call `run` exactly once. It gives the call's result. */
export type CallHook = (call: CallEvent, run: () => unknown) => void;

const hooks: CallHook[] = [];

/**
 * Every `Module.call`, and every method of a FloatFunctional or QFunctional, goes through the hook until the returned
 * function is called. The last one added is outermost.
 */
export function addCallHook(hook: CallHook): () => void {
  hooks.push(hook);
  return () => {
    const at = hooks.lastIndexOf(hook);
    if (at >= 0) hooks.splice(at, 1);
  };
}

/** `run()` under the call hooks. For what defines how modules are called. */
export function hookedCall<R>(module: object, method: string, args: readonly unknown[], run: () => R): R {
  if (hooks.length === 0) return run();
  let result: R | undefined;
  const inner = () => {
    result = run();
    return result;
  };
  const call: CallEvent = { module, method, args };
  const wrap = (next: () => unknown, hook: CallHook) => () => {
    hook(call, next);
    return result;
  };
  hooks.reduce<() => unknown>(wrap, inner)();
  return result as R;
}

/** Whether a call hook listens: where even the closure of `hookedCall` costs too much. */
export function hasCallHooks(): boolean {
  return hooks.length > 0;
}
