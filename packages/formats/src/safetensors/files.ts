import type { FileHandle } from 'node:fs/promises';
import { checkOptions } from '@octet/backend';
import type { Tensor } from '@octet/tensor/functional';
import { type MakeError, makeErrorFor } from '../errors';
import { targetOf } from '../files/target';
import { type WriteFileOptions, write } from '../files/write-file';
import { node } from '../node';
import type { StateDict } from '../state-dict';
import { type Header, PREFIX_BYTES, parseHeader, parsePrefix } from './header';
import { Contents, decode } from './read';
import { bytesOf, plan, readAll, type SerializeOptions } from './write';

export type SaveOptions = SerializeOptions & WriteFileOptions;

/**
 * Saves tensors to a safetensors file, as they are at the time of the call; see `serializeSafetensors` for the layout, and
 * `writeFile` for links, devices and what else a path may be. The file appears whole or not at all, so that a failure
 * leaves an older file as it was.
 *
 * @throws what `serializeSafetensors` and `checkWritable` throw, before anything is written; the errors of the file system;
 * the signal's reason
 */
export async function save(state: StateDict, path: string, options?: SaveOptions): Promise<void> {
  const checked = checkOptions('save', options, 'metadata signal');
  checked.signal?.throwIfAborted();
  const planned = plan('save', state, checked);
  const [data] = await Promise.all([readAll(planned), targetOf('save', path)]);
  await write('save', path, [planned.head, ...data.map(bytesOf)], checked.signal);
}

/**
 * All tensors of a safetensors file.
 * @throws FormatError for a file that isn't one; the errors of the file system; ArgumentError where there is none
 */
export async function load(path: string): Promise<StateDict> {
  const file = await openFor('load', path);
  try {
    return await file.toStateDict();
  } finally {
    await file.close();
  }
}

/**
 * Opens a safetensors file and reads its header; the tensors are read when they are asked for. Close it in the end.
 * @throws as `load`
 */
export async function open(path: string): Promise<OpenSafetensors> {
  return openFor('open', path);
}

async function openFor(op: string, path: string): Promise<OpenSafetensors> {
  const { fs } = await node(op);
  const makeError = makeErrorFor('safetensors', path);
  const file = await fs.promises.open(path);
  try {
    const { size } = await file.stat();
    const read = (begin: number, end: number) => readRange(file, begin, end, makeError);
    const data = PREFIX_BYTES + parsePrefix(await read(0, Math.min(PREFIX_BYTES, size)), size, makeError);
    const header = parseHeader(await read(PREFIX_BYTES, data), size - data, makeError);
    const ranges = {
      read: (begin: number, end: number) => read(data + begin, data + end),
      close: () => file.close(),
    };
    return new OpenSafetensors(header, ranges, makeError);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What is read at once, if a tensor isn't larger. */
const PIECE_BYTES = 2 ** 20;

/** The data of a file, to be read piece by piece. */
interface Ranges {
  read(begin: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A file on disk. Each tensor is read when it is asked for. */
export class OpenSafetensors extends Contents {
  constructor(
    header: Header,
    private readonly data: Ranges,
    private readonly makeError: MakeError,
  ) {
    super(header);
  }

  /**
   * Reads one tensor, on the default backend.
   * @throws ArgumentError if there is no such tensor; FormatError if the file has become shorter, or for an I64 tensor
   * whose numbers don't fit int32; the errors of the file system
   */
  async tensor(name: string): Promise<Tensor> {
    const info = this.info(name);
    return decode(name, info, await this.data.read(info.begin, info.end), this.makeError);
  }

  /** Reads all tensors: small ones together, for to read takes longer than the bytes do. */
  async toStateDict(): Promise<StateDict> {
    const infos = this.names().map((name) => [name, this.info(name)] as const);
    const size = infos.reduce((most, [, { end }]) => Math.max(most, end), 0);
    let piece: { begin: number; end: number; bytes: Uint8Array } = {
      begin: 0,
      end: 0,
      bytes: new Uint8Array(),
    };
    const entries: [string, Tensor][] = [];
    for (const [name, info] of infos) {
      if (info.begin < piece.begin || info.end > piece.end) {
        const end = Math.max(info.end, Math.min(info.begin + PIECE_BYTES, size));
        piece = { begin: info.begin, end, bytes: await this.data.read(info.begin, end) };
      }
      const bytes = piece.bytes.subarray(info.begin - piece.begin, info.end - piece.begin);
      entries.push([name, decode(name, info, bytes, this.makeError)]);
    }
    return Object.fromEntries(entries);
  }

  /** Closes the file; no tensor can be read from it after. */
  async close(): Promise<void> {
    await this.data.close();
  }
}

async function readRange(
  file: FileHandle,
  begin: number,
  end: number,
  makeError: MakeError,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, begin + at);
    if (bytesRead === 0)
      throw makeError('data', `there up to byte ${end}`, `the end of the file at ${begin + at}`);
    at += bytesRead;
  }
  return bytes;
}
