import { ArgumentError, checkOptions, isQuantizedDType } from '@octet/backend';
import { quantizedTensor, type Tensor } from '@octet/tensor/functional';
import { dtypeHere, elements, isRead, tensorHere } from '../elements';
import { type MakeError, makeErrorFor, type ParseOptions, quote, requireBytes } from '../errors';
import type { StateDict } from '../state-dict';
import { type Header, PREFIX_BYTES, parseHeader, parsePrefix, type TensorInfo } from './header';

/** What is known of a file from its header. */
export class Contents {
  /** The strings that were saved with the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  private readonly tensors: ReadonlyMap<string, TensorInfo>;

  constructor({ tensors, metadata }: Header) {
    this.tensors = tensors;
    this.metadata = metadata;
  }

  /** All tensors, in the order of the header. */
  names(): string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** Dtype, shape and scales, without reading the data; the dtype as it is on the default backend. @throws ArgumentError if there is no such tensor */
  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info) return { ...info, dtype: info.dtype && dtypeHere(info.dtype) };
    throw new ArgumentError({
      op: 'safetensors',
      expected: 'the name of a tensor in the file',
      found: quote(name),
      fix: 'names() lists them.',
    });
  }
}

/** A file in memory. Its tensors are made when they are asked for. */
export class SafetensorsFile extends Contents {
  constructor(
    header: Header,
    private readonly data: Uint8Array,
    private readonly makeError: MakeError,
  ) {
    super(header);
  }

  /**
   * A new tensor with a copy of the data, on the default backend.
   * @throws ArgumentError if there is no such tensor; FormatError for one of a dtype that isn't read, and for integers that
   * don't fit int32
   */
  tensor(name: string): Tensor {
    const info = this.info(name);
    return decode(name, info, this.data.subarray(info.begin, info.end), this.makeError);
  }

  /** All tensors. @throws FormatError as `tensor`, if it is so of one of them */
  toStateDict(): StateDict {
    return Object.fromEntries(this.names().map((name) => [name, this.tensor(name)]));
  }
}

/**
 * Reads a safetensors file: eight bytes with the length of the header (little-endian), the header, which is JSON,
 * `{ name: { dtype, shape, data_offsets: [begin, end] }, "__metadata__": { key: string } }`, then the elements of all
 * tensors, little-endian and row-major, without gaps.
 *
 * F32, F64, I32, I8, U8 and BOOL are read as they are, other integers as int32, F16 and BF16 as float32, and so is F64 on a
 * backend without float64. Of other dtypes (F8_E4M3, C64) only `info` is there. Tensors that Octet saved quantized come back
 * quantized. The bytes are not copied: leave them alone as long as the file is in use.
 *
 * @throws FormatError for bytes that aren't such a file; it names the part that is wrong
 */
export function parseSafetensors(bytes: Uint8Array, options?: ParseOptions): SafetensorsFile {
  const { file } = checkOptions('parseSafetensors', options, 'file');
  requireBytes('parseSafetensors', bytes);
  const makeError = makeErrorFor('safetensors', file);
  const data = PREFIX_BYTES + parsePrefix(bytes.subarray(0, PREFIX_BYTES), bytes.length, makeError);
  const header = parseHeader(bytes.subarray(PREFIX_BYTES, data), bytes.length - data, makeError);
  return new SafetensorsFile(header, bytes.subarray(data), makeError);
}

/** The tensor whose bytes these are. @throws FormatError for one of a dtype that isn't read */
export function decode(name: string, info: TensorInfo, bytes: Uint8Array, makeError: MakeError): Tensor {
  const { stored, shape, dtype, qparams } = info;
  if (!isRead(stored))
    throw makeError(`${quote(name)}.dtype`, `one of ${Object.keys(elements).join(', ')}`, quote(stored), {
      fix: 'Octet has no such dtype: convert the tensor to one of these. The others are there: ask for them by tensor(name).',
    });
  const element = elements[stored];
  const aligned = bytes.byteOffset % element.bytes === 0 ? bytes : new Uint8Array(bytes);
  const data = element.decode(aligned, makeError, quote(name));
  return dtype && isQuantizedDType(dtype) && qparams
    ? quantizedTensor(data, shape, dtype, qparams)
    : tensorHere(quote(name), data, shape, element.dtype);
}
