import { ArgumentError, describe } from '@octet/backend';

/** Sound as numbers. */
export interface Sound {
  /** One array a channel, of -1 … 1. */
  readonly channels: readonly Float32Array[];
  /** Samples a second. */
  readonly sampleRate: number;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/**
 * The samples of a WAV file (RIFF): PCM of 8, 16, 24 or 32 bits, divided by the largest magnitude, or floats of 32 or 64 bits
 * as they are.
 *
 * @throws ArgumentError for other bytes, for compressed sound, and for a file that is cut short
 */
export function parseWav(bytes: Uint8Array): Sound {
  if (Object.prototype.toString.call(bytes) !== '[object Uint8Array]')
    throw notWav('the bytes of a file, a Uint8Array', describe(bytes));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || textAt(bytes, 0) !== 'RIFF' || textAt(bytes, 8) !== 'WAVE')
    throw notWav('a WAV file', `${bytes.length} bytes of something else`);
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = textAt(bytes, at);
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (id === 'fmt ') format = readFormat(view, body, size);
    if (id === 'data') {
      if (!format) throw notWav('the format before the data', 'none');
      // Recorders that write to a pipe leave the size open.
      const length = size === 0xffffffff ? bytes.length - body : size;
      if (body + length > bytes.length)
        throw notWav(`${length} bytes of sound`, `${bytes.length - body}: the file is cut short`);
      return { channels: samples(view, body, length, format), sampleRate: format.sampleRate };
    }
    at = body + size + (size % 2);
  }
  throw notWav('sound', 'a WAV file without a data chunk');
}

interface Format {
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
  readonly read: (view: DataView, at: number) => number;
}

/** One line per kind of sample, by its tag and bits. */
const readers: Readonly<Record<string, Format['read']>> = {
  [`${PCM}:8`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${PCM}:16`]: (view, at) => view.getInt16(at, true) / 2 ** 15,
  [`${PCM}:24`]: (view, at) => (view.getInt8(at + 2) * 2 ** 16 + view.getUint16(at, true)) / 2 ** 23,
  [`${PCM}:32`]: (view, at) => view.getInt32(at, true) / 2 ** 31,
  [`${FLOAT}:32`]: (view, at) => view.getFloat32(at, true),
  [`${FLOAT}:64`]: (view, at) => view.getFloat64(at, true),
};

function readFormat(view: DataView, at: number, size: number): Format {
  if (size < 16 || at + size > view.byteLength) throw notWav('a format of 16 bytes or more', `${size}`);
  const tag = view.getUint16(at, true);
  const kind = tag === EXTENSIBLE && size >= 26 ? view.getUint16(at + 24, true) : tag;
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  const read = readers[`${kind}:${bits}`];
  if (!read || channels === 0)
    throw notWav('PCM or floats', `format ${kind} of ${bits} bits, ${channels} channels`);
  return { channels, sampleRate, bits, read };
}

function samples(view: DataView, begin: number, length: number, format: Format): Float32Array[] {
  const { channels, bits, read } = format;
  const bytes = bits / 8;
  const count = Math.floor(length / (bytes * channels));
  return Array.from({ length: channels }, (_, c) =>
    Float32Array.from({ length: count }, (_, i) => read(view, begin + (i * channels + c) * bytes)),
  );
}

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function notWav(expected: string, found: string): ArgumentError {
  return new ArgumentError({
    op: 'parseWav',
    expected,
    found,
    fix: 'Convert it to 16-bit PCM: ffmpeg -i sound -c:a pcm_s16le sound.wav',
  });
}
