import { parseSafetensors } from '@octet/formats';
import { expect, test } from 'vitest';
import { readData, readIndex } from '../src/data';
import { parseFixture } from '../src/fixture';

const names = {
  F32: 'float32',
  F64: 'float64',
  I8: 'int8',
  U8: 'uint8',
  I32: 'int32',
  I64: 'int32',
} as const;

test('@octet/formats reads the fixtures as the reader of this package does', () => {
  for (const { group, file } of readIndex()) {
    const bytes = readData(file);
    const parsed = parseSafetensors(bytes, { file });
    if (group === 'pt') continue;
    const fixture = parseFixture(bytes);
    expect(JSON.parse(parsed.metadata.params)).toEqual(fixture.params);
    const all = [
      ...Object.entries(fixture.in).map(([name, host]) => [`in.${name}`, host] as const),
      ...Object.entries(fixture.out).map(([name, host]) => [`out.${name}`, host] as const),
    ];
    expect(parsed.names().sort()).toEqual(all.map(([name]) => name).sort());
    for (const [name, host] of all) {
      const t = parsed.tensor(name);
      expect([t.dtype, t.shape], `${file} ${name}`).toEqual([names[host.dtype], host.shape]);
      expect(
        Buffer.compare(raw(t.dataSync()), raw(host.dtype === 'I64' ? Int32Array.from(host.data) : host.data)),
      ).toBe(0);
    }
  }
});

function raw({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
