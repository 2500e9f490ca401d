import { ArgumentError, describe } from '@octet/backend';
import { clone, noGrad, Tensor } from '@octet/tensor/functional';
import { quote } from '../errors';
import type { Stateful } from './structure';

/** Something that takes over a state: a module, an optimizer, a schedule. */
export interface Restorable extends Stateful {
  // biome-ignore lint/suspicious/noExplicitAny: each takes the form of its own states
  loadStateDict(state: any): unknown;
  /** Where reading takes time (WebGPU). */
  // biome-ignore lint/suspicious/noExplicitAny: each takes the form of its own states
  loadStateDictAsync?(state: any): Promise<unknown>;
}

/** What is to be restored, by the names under which it was saved. */
export type Targets = Readonly<Record<string, Restorable | undefined>>;

/** @throws ArgumentError unless all of them take states */
export function checkTargets(op: string, targets: Targets): [string, Restorable][] {
  const given = Object.entries(targets ?? {}).filter(
    (entry): entry is [string, Restorable] => entry[1] !== undefined,
  );
  for (const [name, target] of given) {
    if (typeof target?.stateDict === 'function' && typeof target.loadStateDict === 'function') continue;
    throw new ArgumentError({
      op,
      expected: `${name} with stateDict() and loadStateDict(…)`,
      found: describe(target),
      fix: 'Numbers and texts come back from the call: const { epoch } = await loadCheckpoint(path, { model }).',
    });
  }
  return given;
}

/**
 * Hands every target its state, and gives back the other values. All or nothing: where one refuses its state, those before it
 * get back theirs.
 * @throws ArgumentError if the checkpoint has no state of that name, and what the targets throw
 */
export async function restore(
  op: string,
  values: Readonly<Record<string, unknown>>,
  targets: readonly [string, Restorable][],
): Promise<Record<string, unknown>> {
  const missing = targets.find(([name]) => !Object.hasOwn(values, name));
  if (missing) {
    throw new ArgumentError({
      op,
      expected: `a checkpoint with ${quote(missing[0])}`,
      found: `one with ${Object.keys(values).map(quote).join(', ') || 'nothing'}`,
      fix: 'Ask for what was saved.',
    });
  }
  const undo: (() => unknown)[] = [];
  try {
    for (const [name, target] of targets) {
      const before = copied(target.stateDict());
      await load(target, values[name]);
      undo.unshift(() => load(target, before));
    }
  } catch (error) {
    for (const back of undo) await back();
    throw error;
  }
  const taken = new Set(targets.map(([name]) => name));
  return Object.fromEntries(Object.entries(values).filter(([name]) => !taken.has(name)));
}

function load(target: Restorable, state: unknown): unknown {
  return target.loadStateDictAsync ? target.loadStateDictAsync(state) : target.loadStateDict(state);
}

/** The same values, with copies of the tensors, which the state shares with what it is of. */
function copied(value: unknown): unknown {
  if (value instanceof Tensor) return noGrad(() => clone(value.detach()));
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, copied(v)]));
}
