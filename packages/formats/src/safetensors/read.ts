import { ArgumentError, isQuantizedDType } from '@octet/backend';
import { fromData, quantizedTensor, type Tensor } from '@octet/tensor';
import { elements } from '../elements';
import { type Complain, complainAbout, type ParseOptions, quote } from '../errors';
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

  /** Dtype, shape and scales, without reading the data. @throws ArgumentError if there is no such tensor */
  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info) return info;
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
    private readonly complain: Complain,
  ) {
    super(header);
  }

  /**
   * A new tensor with a copy of the data, on the default backend.
   * @throws ArgumentError if there is no such tensor; FormatError for an I64 one whose numbers don't fit int32
   */
  tensor(name: string): Tensor {
    const info = this.info(name);
    return decode(name, info, this.data.subarray(info.begin, info.end), this.complain);
  }

  /** All tensors. */
  toStateDict(): StateDict {
    return Object.fromEntries(this.names().map((name) => [name, this.tensor(name)]));
  }
}

/**
 * Reads a safetensors file: eight bytes with the length of the header (little-endian), the header, which is JSON,
 * `{ name: { dtype, shape, data_offsets: [begin, end] }, "__metadata__": { key: string } }`, then the elements of all
 * tensors, little-endian and row-major, without gaps.
 *
 * F32, F64, I32, I8, U8 and BOOL are read as they are, I64 and I16 as int32, F16 and BF16 as float32. Tensors that Octet saved
 * quantized come back quantized. The bytes are not copied: leave them alone as long as the file is in use.
 *
 * @throws FormatError for bytes that aren't such a file; it names the part that is wrong
 */
export function parseSafetensors(bytes: Uint8Array, { file }: ParseOptions = {}): SafetensorsFile {
  const complain = complainAbout('safetensors', file);
  const data = PREFIX_BYTES + parsePrefix(bytes.subarray(0, PREFIX_BYTES), bytes.length, complain);
  const header = parseHeader(bytes.subarray(PREFIX_BYTES, data), bytes.length - data, complain);
  return new SafetensorsFile(header, bytes.subarray(data), complain);
}

/** The tensor whose bytes these are. */
export function decode(name: string, info: TensorInfo, bytes: Uint8Array, complain: Complain): Tensor {
  const { bytes: size, dtype, decode } = elements[info.stored];
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const data = decode(aligned, complain, quote(name));
  return isQuantizedDType(info.dtype) && info.qparams
    ? quantizedTensor(data, info.shape, info.dtype, info.qparams)
    : fromData(data, info.shape, { dtype });
}
