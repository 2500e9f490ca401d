import type { Backend, OctetError } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { UsageError } from '@octet/cli/errors';

/**
 * The backend among a module's exports: its default export, or its only export that is a backend, or a function
 * `({ threads, reference }) => backend` in place of either. `isFixed`: it is the export itself, whatever the options.
 *
 * @throws UsageError if there is none
 */
export async function backendFrom(
  exported: Readonly<Record<string, unknown>>,
  name: string,
  { threads }: { threads: number },
): Promise<{ backend: Backend; isFixed: boolean }> {
  const candidate = pick(exported);
  if (typeof candidate === 'function') {
    const made: unknown = await candidate({ threads, reference: referenceBackend });
    if (isBackend(made)) return { backend: made, isFixed: false };
    throw noBackend(name, `a function that returned ${describe(made)}`);
  }
  if (isBackend(candidate)) return { backend: candidate, isFixed: true };
  throw noBackend(name, Object.keys(exported).join(', ') || 'no exports');
}

/** The default export, or the only one that may be a backend: backends first, then functions. */
function pick(exported: Readonly<Record<string, unknown>>): unknown {
  if (exported.default !== undefined) return exported.default;
  const values = Object.values(exported);
  const only = (found: unknown[]) => (found.length === 1 ? found[0] : undefined);
  return only(values.filter(isBackend)) ?? only(values.filter((value) => typeof value === 'function'));
}

function isBackend(value: unknown): value is Backend {
  if (typeof value !== 'object' || value === null) return false;
  const { name, allocate, write, read, free, kernels } = value as Partial<Backend>;
  return (
    typeof name === 'string' &&
    [allocate, write, read, free].every((method) => typeof method === 'function') &&
    typeof kernels === 'object'
  );
}

function noBackend(name: string, found: string): OctetError {
  return new UsageError({
    op: '--backend',
    expected: `one backend, or one function that makes it, among the exports of '${name}'`,
    found,
    fix: 'Export it as the default; see docs/adding-a-backend.md.',
  });
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
