import { ArgumentError, describe, OctetError } from '@octet/backend';

export interface FormatErrorDetails {
  /** What the file should have been: `safetensors` or `pt`. */
  format: string;
  /** The file, where it is known. */
  file?: string | undefined;
  /** The part of the file that is wrong, as in `"conv.weight".shape`. */
  field: string;
  expected: string;
  found: string;
  /** What to do about it, if not what is said of every broken file. */
  fix?: string;
}

/** A file that isn't what its format says: damaged, cut short, made by hand, or of another kind. */
export class FormatError extends OctetError {
  override readonly name = 'FormatError';
  readonly file: string | undefined;
  readonly field: string;

  constructor(
    {
      format,
      file,
      field,
      expected,
      found,
      fix = 'The file is damaged or of another kind: get it again, or convert it.',
    }: FormatErrorDetails,
    options?: ErrorOptions,
  ) {
    super(
      {
        op: format,
        expected: `${field}${file === undefined ? '' : ` in ${file}`} to be ${expected}`,
        found,
        fix,
      },
      options,
    );
    this.file = file;
    this.field = field;
  }
}

export interface ParseOptions {
  /** The file's name, for errors. */
  file?: string;
}

/** Makes the errors of one file: what is wrong, what it should be, what it is. */
export type MakeError = (
  field: string,
  expected: string,
  found: string,
  options?: { fix?: string; cause?: unknown },
) => FormatError;

export function makeErrorFor(format: string, file: string | undefined): MakeError {
  return (field, expected, found, { fix, cause } = {}) =>
    new FormatError(
      { format, file, field, expected, found, ...(fix && { fix }) },
      cause === undefined ? undefined : { cause },
    );
}

const MAX_SHOWN = 8;
const MAX_TEXT = 60;

/** A value from a file, cut short so that a hostile file can't flood a message. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_SHOWN).map((v) => (typeof v === 'object' ? '{…}' : quote(v)));
    return `[${shown.join(', ')}${value.length > MAX_SHOWN ? ', …' : ''}]`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
}

/** Whether it is a Uint8Array, of another realm (jsdom, an iframe) too. */
export function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/** @throws ArgumentError unless `bytes` is a Uint8Array */
export function requireBytes(op: string, bytes: unknown): void {
  if (isBytes(bytes)) return;
  throw new ArgumentError({
    op,
    expected: 'the bytes of a file, a Uint8Array',
    found: describe(bytes),
    fix: 'Wrap an ArrayBuffer: new Uint8Array(buffer). Of a file by its path use load or loadPt.',
  });
}
