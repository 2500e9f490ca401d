import { isFloatDType } from '@octet/backend';
import { formatShape, Tensor } from '@octet/tensor';

/** A number that PyTorch may have saved as a tensor of one element; anything else as it is. */
export function plainNumber(value: unknown): unknown {
  return value instanceof Tensor && value.numel === 1 ? value.dataSync()[0] : value;
}

/** The entries of a plain object or a Map (what `parsePt` makes of a dict whose keys are no text); undefined for others. */
export function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (value instanceof Map) return Array.from(value, ([key, v]) => [String(key), v]);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Tensor)
    return undefined;
  return Object.entries(value);
}

/** As `entriesOf`, an object with PyTorch's names in camelCase: `exp_avg_sq` is expAvgSq, `T_max` tMax. */
export function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  const entries = entriesOf(value);
  return entries && Object.fromEntries(entries.map(([key, v]) => [camelCase(key), v]));
}

/** PyTorch's name in camelCase. */
export function camelCase(key: string): string {
  return key
    .replace(/(?<=.)_([a-zA-Z])/g, (_, letter: string) => letter.toUpperCase())
    .replace(/^[A-Z]/, (letter) => letter.toLowerCase());
}

/** A value from a file, in an error. */
export function describe(value: unknown): string {
  if (value instanceof Tensor)
    return `${formatShape(value.shape)}${isFloatDType(value.dtype) ? '' : ` of ${value.dtype}`}`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
