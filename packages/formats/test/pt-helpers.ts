import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { type FormatError, type PtValue, parsePt } from '../src';
import { bytes, refusal } from './helpers';

/** A file that PyTorch wrote. */
export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../tests/golden/data/pt/${name}.pt`, import.meta.url)));
}

/** A part of a pickle, as a string of bytes. */
type Code = string;

const little = (value: number, count: number): Code =>
  String.fromCharCode(...Array.from({ length: count }, (_, i) => Math.floor(value / 256 ** i) & 255));
const utf8 = (text: string): Code => String.fromCharCode(...Buffer.from(text));

export const none: Code = 'N';
export const text = (value: string): Code => `X${little(Buffer.byteLength(value), 4)}${utf8(value)}`;
export const int = (value: number): Code => `J${little(value, 4)}`;
export const bool = (value: boolean): Code => (value ? '\x88' : '\x89');
export const float = (value: number): Code => `G${bigEndian(value)}`;
export const tuple = (...items: Code[]): Code => `(${items.join('')}t`;
export const list = (...items: Code[]): Code => `](${items.join('')}e`;
export const dict = (...items: [Code, Code][]): Code => `}(${items.flat().join('')}u`;
export const global = (name: string): Code => {
  const dot = name.lastIndexOf('.');
  return `c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`;
};
export const call = (name: string, ...args: Code[]): Code => `${global(name)}${tuple(...args)}R`;
export const put = (index: number): Code => `r${little(index, 4)}`;
export const get = (index: number): Code => `j${little(index, 4)}`;

function bigEndian(value: number): Code {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return String.fromCharCode(...new Uint8Array(view.buffer));
}

export const storage = (kind: string, key: string, length: number): Code =>
  `${tuple(text('storage'), global(`torch.${kind}Storage`), text(key), text('cpu'), int(length))}Q`;

export interface View {
  offset?: Code;
  size?: Code;
  stride?: Code;
  grad?: Code;
}

/** All of a storage, unless the view says otherwise. */
export function tensor(kind: string, key: string, length: number, view: View = {}): Code {
  return call('torch._utils._rebuild_tensor_v2', ...layout(kind, key, length, view), ...flags(view));
}

export function qtensor(kind: string, key: string, length: number, quantizer: Code, view: View = {}): Code {
  return call('torch._utils._rebuild_qtensor', ...layout(kind, key, length, view), quantizer, ...flags(view));
}

function layout(kind: string, key: string, length: number, { offset, size, stride }: View): Code[] {
  return [storage(kind, key, length), offset ?? int(0), size ?? tuple(int(length)), stride ?? tuple(int(1))];
}

function flags({ grad }: View): Code[] {
  return [grad ?? bool(false), call('collections.OrderedDict')];
}

/** A file from its pickle, which a test may get wrong, and its storages. */
export function ptFile(
  code: Code,
  storages: Readonly<Record<string, ArrayBufferView>> = {},
  others: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries: Record<string, Uint8Array> = { 'm/data.pkl': Buffer.from(code, 'latin1') };
  for (const [name, content] of Object.entries(others)) entries[`m/${name}`] = Buffer.from(content);
  for (const [key, data] of Object.entries(storages)) entries[`m/data/${key}`] = bytes(data);
  return zipSync(entries, { level: 0 });
}

/** What a file of this value is read as. */
export function read(code: Code, storages?: Readonly<Record<string, ArrayBufferView>>): PtValue {
  return parsePt(ptFile(`\x80\x02${code}.`, storages));
}

export function refusalOf(code: Code, storages?: Readonly<Record<string, ArrayBufferView>>): FormatError {
  return refusal(() => read(code, storages));
}
