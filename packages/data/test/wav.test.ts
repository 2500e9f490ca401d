import { describe, expect, test } from 'vitest';
import { parseWav } from '../src';

function wav(
  tag: number,
  bits: number,
  channels: number,
  body: ArrayBuffer,
  size = body.byteLength,
): Uint8Array {
  const bytes = new Uint8Array(44 + body.byteLength);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string) => bytes.set(Buffer.from(value), at);
  text(0, 'RIFF');
  view.setUint32(4, 36 + body.byteLength, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, tag, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, 16000, true);
  view.setUint32(28, (16000 * channels * bits) / 8, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  text(36, 'data');
  view.setUint32(40, size, true);
  bytes.set(new Uint8Array(body), 44);
  return bytes;
}

describe('parseWav', () => {
  test('16 bits, two channels', () => {
    const { channels, sampleRate } = parseWav(wav(1, 16, 2, Int16Array.of(0, -32768, 16384, 32767).buffer));
    expect(sampleRate).toBe(16000);
    expect(channels.map((c) => [...c])).toEqual([
      [0, 0.5],
      [-1, Math.fround(32767 / 32768)],
    ]);
  });

  test.each([
    [1, 8, Uint8Array.of(0, 128, 192).buffer, [-1, 0, 0.5]],
    [
      1,
      24,
      Uint8Array.of(0, 0, 0x80, 0, 0, 0x40, 0xff, 0xff, 0xff).buffer,
      [-1, 0.5, Math.fround(-1 / 2 ** 23)],
    ],
    [1, 32, Int32Array.of(-(2 ** 31), 2 ** 30).buffer, [-1, 0.5]],
    [3, 32, Float32Array.of(0.25, -2).buffer, [0.25, -2]],
    [3, 64, Float64Array.of(0.25, -2).buffer, [0.25, -2]],
  ])('format %i of %i bits', (tag, bits, body, expected) => {
    expect([...parseWav(wav(tag, bits, 1, body)).channels[0]]).toEqual(expected);
  });

  test('a size that was left open', () => {
    const bytes = wav(1, 16, 1, Int16Array.of(1, 2).buffer, 0xffffffff);
    expect(parseWav(bytes).channels[0]).toHaveLength(2);
  });

  test('refuses what it can’t read', () => {
    const whole = wav(1, 16, 1, Int16Array.of(1, 2).buffer);
    for (let n = 0; n < whole.length; n++) expect(() => parseWav(whole.subarray(0, n))).toThrow('parseWav');
    expect(() => parseWav(wav(2, 4, 1, new ArrayBuffer(4)))).toThrow('format 2 of 4 bits');
    expect(() => parseWav(wav(1, 16, 0, new ArrayBuffer(4)))).toThrow('0 channels');
    expect(() => parseWav('x' as never)).toThrow('Uint8Array');
  });
});
