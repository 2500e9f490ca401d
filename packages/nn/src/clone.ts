import { clone as cloneTensor, Tensor } from '@octet/tensor/functional';
import { sameKind } from './parameter';

/** Original → copy, so that what is shared inside a model is shared inside its copy. */
export type Copies = Map<object, unknown>;

/**
 * A deep copy of modules (by `copyModule`), tensors, arrays, maps, sets and plain objects. Everything else is shared:
 * functions, and instances of classes.
 */
export function deepCopy<T>(value: T, copies: Copies, copyModule: (value: object) => object | undefined): T;
export function deepCopy(
  value: unknown,
  copies: Copies,
  copyModule: (value: object) => object | undefined,
): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  const copy = (v: unknown) => deepCopy(v, copies, copyModule);
  // Containers are noted before they are filled: they may hold themselves.
  const note = <C>(c: C): C => {
    copies.set(value, c);
    return c;
  };
  if (value instanceof Tensor) return note(sameKind(value, cloneTensor(value.detach())));
  if (Array.isArray(value)) {
    const out: unknown[] = note([]);
    for (const v of value) out.push(copy(v));
    return out;
  }
  if (value instanceof Map) {
    const out = note(new Map<unknown, unknown>());
    for (const [k, v] of value) out.set(copy(k), copy(v));
    return out;
  }
  if (value instanceof Set) {
    const out = note(new Set<unknown>());
    for (const v of value) out.add(copy(v));
    return out;
  }
  if (Object.getPrototypeOf(value) === Object.prototype) {
    const out: Record<string, unknown> = note({});
    for (const [k, v] of Object.entries(value)) out[k] = copy(v);
    return out;
  }
  return copyModule(value) ?? value;
}
