import { type Backend, BackendError } from '@octet/backend';
import { requireBackend } from './storage';

let current: Backend | undefined;
let byDefault: Backend | undefined;

/**
 * Where new tensors live from now on; those that exist stay where they are. The default of `@octet/tensor` is the js reference.
 * @throws ArgumentError
 */
export function setBackend(backend: Backend): void {
  requireBackend('setBackend', backend);
  current = backend;
}

/**
 * What `fn` gives, with new tensors on `backend` while it runs: until its promise is settled, if it gives one. There is one
 * current backend, so what else runs meanwhile makes its tensors there, too.
 *
 * @throws ArgumentError for what is no backend; and what `fn` throws
 */
export function withBackend<T>(backend: Backend, fn: () => T): T {
  requireBackend('withBackend', backend);
  const before = current;
  const restore = () => {
    current = before;
  };
  current = backend;
  let result: T;
  try {
    result = fn();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) return result.finally(restore) as T;
  restore();
  return result;
}

/** For where none is set. */
export function setDefaultBackend(backend: Backend): void {
  byDefault = backend;
}

/** The js reference where `@octet/tensor` is imported. */
export function defaultBackend(): Backend | undefined {
  return byDefault;
}

/** @throws BackendError if none is set, which only happens where `@octet/tensor` isn't imported */
export function getBackend(): Backend {
  const backend = current ?? byDefault;
  if (backend) return backend;
  throw new BackendError({
    op: 'getBackend',
    expected: 'a backend',
    found: 'none',
    fix: "Call setBackend(…) first, or import '@octet/tensor', which sets the js reference.",
  });
}
