import { ArgumentError, BackendError, checkOptions, isQuantizedDType, type TypedArray } from '@octet/backend';
import { Tensor } from '@octet/tensor/functional';
import { elements, storedAs } from '../elements';
import { quote } from '../errors';
import type { StateDict } from '../state-dict';
import { encodeUtf8 } from '../text';
import { MAX_HEADER_BYTES, PREFIX_BYTES } from './header';
import { isWellFormed } from './json';
import { describeQuantized, QUANTIZED } from './quantized';

export interface SerializeOptions {
  /** Strings to save with the tensors. */
  metadata?: Readonly<Record<string, string>>;
}

/** What a file will hold: its first bytes, then the elements of these tensors, one after the other. */
export interface Plan {
  readonly head: Uint8Array;
  readonly tensors: readonly Tensor[];
  /** Of the whole file. */
  readonly byteLength: number;
}

/**
 * The bytes of a safetensors file; see `parseSafetensors` for the layout.
 *
 * The tensors lie as the official library puts them: by element size, the largest first, then by name; spaces after
 * the header bring the data to a multiple of 8 bytes. So every tensor starts at a multiple of its element size, and
 * equal state dicts give equal files. Quantized tensors are stored as their integers; their scales and zero points are
 * in the metadata, under `octet.quantized`.
 *
 * @throws ArgumentError for a name, a value or metadata that can't be stored; FreedError for a tensor whose memory is
 * gone; BackendError for one that can't be read at once (WebGPU): use `serializeSafetensorsAsync` or `save`
 */
export function serializeSafetensors(state: StateDict, options?: SerializeOptions): Uint8Array {
  const op = 'serializeSafetensors';
  const planned = plan(op, state, checkOptions(op, options, 'metadata'));
  const later = Object.entries(state).find(([, { backend }]) => !backend.readSync);
  if (later) {
    throw new BackendError({
      op,
      expected: 'tensors that can be read at once',
      found: `${quote(later[0])} on backend '${later[1].backend.name}', which can't`,
      fix: 'Use await serializeSafetensorsAsync(state), or await save(state, path).',
    });
  }
  return assemble(planned, (i) => planned.tensors[i].dataSync());
}

/** As `serializeSafetensors`, also for tensors that can't be read at once. They are saved as they are at the call. */
export async function serializeSafetensorsAsync(
  state: StateDict,
  options?: SerializeOptions,
): Promise<Uint8Array> {
  const op = 'serializeSafetensorsAsync';
  const planned = plan(op, state, checkOptions(op, options, 'metadata'));
  const data = await readAll(planned);
  return assemble(planned, (i) => data[i]);
}

/** The elements of all tensors, as they are at the call. */
export function readAll({ tensors }: Plan): Promise<TypedArray[]> {
  return Promise.all(tensors.map((tensor) => tensor.data()));
}

function assemble({ head, tensors, byteLength }: Plan, elements: (i: number) => TypedArray): Uint8Array {
  const file = new Uint8Array(byteLength);
  file.set(head);
  let at = head.length;
  for (const i of tensors.keys()) {
    const bytes = bytesOf(elements(i));
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

export function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Checks everything that is to be saved, and writes the header. */
export function plan(op: string, state: StateDict, { metadata = {} }: SerializeOptions): Plan {
  const refuse = (expected: string, found: string, fix: string) =>
    new ArgumentError({ op, expected, found, fix });

  const sorted = Object.entries(state).map(([name, tensor]) => {
    if (!isWellFormed(name) || name === '__metadata__')
      throw refuse("names of Unicode text other than '__metadata__'", quote(name), 'Rename the tensor.');
    if (!(tensor instanceof Tensor))
      throw refuse('a tensor for each name', `${quote(name)}: ${typeof tensor}`, 'Leave it out.');
    // Throws if the memory is gone.
    tensor.storage.buffer;
    const stored = storedAs[tensor.storage.dtype];
    return { name, tensor, stored, size: elements[stored].bytes };
  });
  sorted.sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));

  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' || !isWellFormed(key) || !isWellFormed(value) || key === QUANTIZED)
      throw refuse(
        `strings as metadata, under other keys than '${QUANTIZED}'`,
        quote(key),
        'Leave it out, or use JSON.stringify.',
      );
  }

  const quantized = sorted.flatMap(({ name, tensor: { dtype, qparams } }) =>
    qparams && isQuantizedDType(dtype) ? [[name, describeQuantized(op, { dtype, qparams })] as const] : [],
  );
  const strings = Object.entries(metadata);
  if (quantized.length > 0) strings.push([QUANTIZED, JSON.stringify(Object.fromEntries(quantized))]);

  let at = 0;
  const entries = sorted.map(({ name, tensor, stored }) => {
    const begin = at;
    at += tensor.nbytes;
    return [name, { dtype: stored, shape: tensor.shape, data_offsets: [begin, at] }] as const;
  });
  const head = encodeHead({
    ...(strings.length > 0 && { __metadata__: Object.fromEntries(strings) }),
    ...Object.fromEntries(entries),
  });
  if (head.length - PREFIX_BYTES > MAX_HEADER_BYTES)
    throw refuse(
      `a header of at most ${MAX_HEADER_BYTES} bytes`,
      `${head.length - PREFIX_BYTES}`,
      'Save fewer tensors or less metadata.',
    );
  return { head, tensors: sorted.map(({ tensor }) => tensor), byteLength: head.length + at };
}

function encodeHead(header: object): Uint8Array {
  const json = encodeUtf8(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(PREFIX_BYTES + length).fill(0x20, PREFIX_BYTES);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, PREFIX_BYTES);
  return head;
}
