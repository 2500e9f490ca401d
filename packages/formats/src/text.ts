import { builtinModule } from '@octet/backend';

/** Looked for when they are needed: Jest's jsdom has none. */
function coders() {
  return 'TextDecoder' in globalThis
    ? globalThis
    : (builtinModule<typeof import('node:util')>('node:util') ?? globalThis);
}

/** @throws TypeError for bytes that aren't UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  return new (coders().TextDecoder)('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function encodeUtf8(text: string): Uint8Array {
  return new (coders().TextEncoder)().encode(text);
}
