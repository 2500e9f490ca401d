import { OctetError } from '@octet/backend';

/** Data that doesn't fit the model's inputs, or can't be read. */
export class SampleError extends OctetError {
  override readonly name = 'SampleError';
}
