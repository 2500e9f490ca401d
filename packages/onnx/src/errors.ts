import { OctetError } from '@octet/backend';

/** The model, or what was asked of the file, can't be written as ONNX. */
export class OnnxExportError extends OctetError {
  override readonly name = 'OnnxExportError';
}

/** What stands in the way, and what to do. */
export function cannotExport(details: { expected: string; found: string; fix: string }): OnnxExportError {
  return new OnnxExportError({ op: 'exportOnnx', ...details });
}
