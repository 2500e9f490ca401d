const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes as base64, by RFC 4648, with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const bits = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let i = 0; i < 4; i++) text += i <= left ? alphabet[(bits >> (18 - 6 * i)) & 63] : '=';
  }
  return text;
}

/** The bytes of base64 as `encodeBase64` writes it; undefined for other text. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let at = 0, to = 0; at < text.length; at += 4) {
    let bits = 0;
    for (let i = 0; i < 4; i++) bits = (bits << 6) | Math.max(alphabet.indexOf(text[at + i] ?? ''), 0);
    for (let i = 16; i >= 0 && to < bytes.length; i -= 8) bytes[to++] = bits >> i;
  }
  // One form a text: what isn't base64, or not of whole bytes, comes out otherwise.
  return encodeBase64(bytes) === text ? bytes : undefined;
}
