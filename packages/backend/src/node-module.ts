/**
 * A module of Node's own, such as `node:fs`, found when it is asked for, so that packages load in browsers too. It takes
 * no `import()`, which Jest refuses and bundlers for browsers warn of, but before Node 20.16.
 *
 * @throws the engine's own error where there is no such module
 */
export async function nodeModule<T>(id: string): Promise<T> {
  return builtinModule<T>(id) ?? (await import(/* webpackIgnore: true */ /* @vite-ignore */ id));
}

/** As `nodeModule`, at once; undefined where there is none, and before Node 20.16. */
export function builtinModule<T>(id: string): T | undefined {
  try {
    const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
    return process?.getBuiltinModule?.(id) as T | undefined;
  } catch {
    // Edge runtimes throw for each of Node's functions.
    return undefined;
  }
}
