import { OctetError } from '@octet/backend';

/** The model, or what was asked of the file, can't be written as ONNX. */
export class OnnxExportError extends OctetError {
  override readonly name = 'OnnxExportError';
}

/** What stands in the way, and what to do. */
export function cannotExport(details: { expected: string; found: string; fix: string }): OnnxExportError {
  return new OnnxExportError({ op: 'exportOnnx', ...details });
}

/** The file can't be read as a model: damaged, or with operators that Octet doesn't have. */
export class OnnxImportError extends OctetError {
  override readonly name = 'OnnxImportError';
}

export const brokenFile = 'The file is damaged or of another kind: get it again, or export the model anew.';

export const withoutThem =
  'Export the model without them, or pass rows of your own: importOnnx(file, { operators: [{ op, since, import }] }).';

/** What is wrong with the file; `where` is the node (as `Conv 'conv1'`) or the part of the file. */
export function cannotImport(
  where: string | undefined,
  { expected, found, fix = brokenFile }: { expected: string; found: string; fix?: string },
  options?: ErrorOptions,
): OnnxImportError {
  const what = where === undefined ? expected : `${where}: ${expected}`;
  return new OnnxImportError({ op: 'importOnnx', expected: what, found, fix }, options);
}
