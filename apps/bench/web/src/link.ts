import { type ComparePlan, most, own, usual } from '../../src/compare/plan';
import { type ModelName, modelNamed, modelSizes } from '../../src/model-sizes';
import { engineNames } from './engine-names';

/** What a link says, and what of it can't be. */
export interface Link {
  plan: ComparePlan;
  /** Whether the run starts by itself. */
  run: boolean;
  problems: Problem[];
}

/** What of a plan can't be, in words, and the field of the form that mends it. */
export interface Problem {
  text: string;
  field?: FieldName;
}

/** The numbers of a plan, each with the least and the most it may be. */
export const numbers = ['batch', 'size', 'runs', 'threads'] as const;

/** A field of the form. */
export type FieldName = (typeof numbers)[number] | 'backend' | 'own' | 'file';

/** The labels of the numbers' fields. */
export const numberTitles: Readonly<Record<(typeof numbers)[number], string>> = {
  batch: 'Images at once',
  size: 'Height and width',
  runs: 'Timed runs',
  threads: 'Threads',
};

/** What of a plan can't be. */
export function problemsOf(plan: ComparePlan): Problem[] {
  const wrong = numbers.filter((name) => !isWithin(plan[name], most[name]));
  return [
    ...wrong.map((name) => ({
      field: name,
      text: `“${numberTitles[name]}” takes a whole number from 1 to ${most[name]}.`,
    })),
    ...(plan.backends.length === 0
      ? [{ field: 'backend', text: 'Choose at least one backend.' } as const]
      : []),
  ];
}

/** The plan of a link's query. What can't be is left at its usual value, and said. */
export function readLink(query: string, usualBackends: readonly string[]): Link {
  const given = new URLSearchParams(query);
  const problems: Problem[] = [];
  const name = given.get('model') ?? 'tutorial';
  const known = modelNamed(name);
  const model: ModelName = known ?? 'tutorial';
  if (!known) problems.push({ text: `The link asks for a network '${name}', which is not there.` });
  const engines = given.get('engines')?.split(',').filter(Boolean) ?? [];
  for (const other of engines.filter((other) => !engineNames.some((engine) => engine === other)))
    problems.push({ text: `The link asks for an engine '${other}', which is not there.` });
  const plan: ComparePlan = {
    model,
    backends: given.get('backends')?.split(',').filter(Boolean) ?? usualBackends,
    ...usual,
    size: modelSizes[model].size,
    ...(engines.length > 0 && { engines: engineNames.filter((engine) => engines.includes(engine)) }),
  };
  for (const key of numbers) {
    const text = given.get(key);
    if (text === null) continue;
    if (isWithin(Number(text), most[key])) plan[key] = Number(text);
    else {
      problems.push({
        field: key,
        text: `The link asks for “${numberTitles[key]}” ${text}, not a whole number from 1 to ${most[key]}.`,
      });
    }
  }
  return { plan, run: given.has('run') && problems.length === 0, problems };
}

/** The query of a link to a plan; with `run` it starts by itself. Undefined for a plan of a file, which no link carries. */
export function linkQuery(plan: ComparePlan, { run }: { run: boolean }): string | undefined {
  if (plan.model === own) return undefined;
  const query = new URLSearchParams({ model: plan.model, backends: plan.backends.join(',') });
  for (const key of numbers) query.set(key, String(plan[key]));
  if (plan.engines?.length) query.set('engines', plan.engines.join(','));
  if (run) query.set('run', '');
  return `?${query}`;
}

/**
 * The whole address of a module that may run here: one of this page's own origin.
 * @throws TypeError with a sentence for the user
 */
export function ownAddress(text: string, page: string): string {
  const base = new URL(page);
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  // A blob: has its maker's origin, a file: none.
  if (url && url.protocol === base.protocol && url.origin === base.origin) return url.href;
  throw new TypeError(
    `'${text}' is not of this page's origin, ${base.origin}: only modules from here are run.`,
  );
}

function isWithin(n: number, largest: number): boolean {
  return Number.isInteger(n) && n >= 1 && n <= largest;
}
