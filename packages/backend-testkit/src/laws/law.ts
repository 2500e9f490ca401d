import type { Backend } from '@octet/backend';
import { ConformanceError } from '../compare';

/** A rule of storage or dispatch that every backend must keep. `check` throws (or rejects) where it doesn't. */
export interface Law {
  readonly name: string;
  /** Why nothing can be checked here, if so: `testBackend` skips the law and prints it. */
  lacks?(backend: Backend): string | undefined;
  /** Frees what it allocates, and leaves the backend as it was. */
  check(backend: Backend): Promise<void>;
}

export function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new ConformanceError(message);
}

/**
 * Demands that `act` throws or rejects with an error of that name and with all four texts. By name, not `instanceof`: a
 * backend may bring its own copy of the contract.
 *
 * @param name undefined: any of Octet's errors will do
 */
export async function demandError(
  what: string,
  name: string | undefined,
  act: () => unknown,
): Promise<Record<'op' | 'expected' | 'found' | 'fix' | 'message', string>> {
  let error: unknown;
  try {
    await act();
  } catch (thrown) {
    error = thrown;
  }
  const wanted = name ?? 'one of the typed errors of @octet/backend';
  demand(error !== undefined, `${what}: expected ${wanted}, but nothing was thrown`);
  demand(
    error instanceof Error && (name === undefined || error.name === name),
    `${what}: expected ${wanted}, found ${error instanceof Error ? `${error.name}: ${error.message}` : error}`,
  );
  const texts = error as unknown as Record<'op' | 'expected' | 'found' | 'fix' | 'message', string>;
  for (const part of ['op', 'expected', 'found', 'fix'] as const) {
    demand(
      typeof texts[part] === 'string' && texts[part].length > 0 && texts.message.includes(texts[part]),
      `${what}: the error must say its '${part}', also in the message, which is: ${texts.message}`,
    );
  }
  return texts;
}

/** A backend with `base`'s storage, without any kernel or fallback, changed by `change`. */
export function without(base: Backend, change: Partial<Backend>): Backend {
  return Object.assign(Object.create(base) as Backend, { kernels: {}, fallback: undefined, ...change });
}
