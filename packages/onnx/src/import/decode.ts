import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { AttributeProto, ModelProto, NodeProto, TensorProto } from '../onnx.generated';
import type { ByteSource } from './byte-source';

/**
 * Reads the messages of `onnx.proto` that a model needs, as the generated types have them; everything else is skipped.
 * The generated reader does all of them by reflection, in twenty times the code.
 */

/** A tensor of a file; large raw data stays there, at `rawDataAt`. */
export interface TensorInFile extends TensorProto {
  rawDataAt?: { readonly offset: number; readonly length: number };
}

type Scalar = 'string' | 'bytes' | 'int32' | 'int64' | 'uint64' | 'float' | 'double';

interface Field {
  readonly name: string;
  readonly type: Scalar | (() => Message);
  /** One of a list. */
  readonly many?: boolean;
  /** The case of the field `value`, of which there is one at a time. */
  readonly oneof?: string;
  /** Whether it stays in the file where it is large: the field with `At` after its name tells where. */
  readonly mayStay?: boolean;
}

type Message = Readonly<Record<number, Field>>;

const one = (name: string, type: Field['type']): Field => ({ name, type });
const many = (name: string, type: Field['type']): Field => ({ name, type, many: true });
const oneof = (name: string, type: Field['type']): Field => ({ name: 'value', type, oneof: name });

const entry = (): Message => ({ 1: one('key', 'string'), 2: one('value', 'string') });

const tensor = (): Message => ({
  1: many('dims', 'int64'),
  2: one('dataType', 'int32'),
  4: many('floatData', 'float'),
  5: many('int32Data', 'int32'),
  7: many('int64Data', 'int64'),
  8: one('name', 'string'),
  9: { name: 'rawData', type: 'bytes', mayStay: true },
  10: many('doubleData', 'double'),
  11: many('uint64Data', 'uint64'),
  13: many('externalData', entry),
  14: one('dataLocation', 'int32'),
});

const sparse = (): Message => ({ 1: one('values', tensor) });

const dimension = (): Message => ({ 1: oneof('dimValue', 'int64'), 2: oneof('dimParam', 'string') });
const shape = (): Message => ({ 1: many('dim', dimension) });
const tensorType = (): Message => ({ 1: one('elemType', 'int32'), 2: one('shape', shape) });
const type = (): Message => ({
  1: oneof('tensorType', tensorType),
  4: oneof('sequenceType', 'bytes'),
  5: oneof('mapType', 'bytes'),
  8: oneof('sparseTensorType', 'bytes'),
  9: oneof('optionalType', 'bytes'),
});
const valueInfo = (): Message => ({ 1: one('name', 'string'), 2: one('type', type) });

const attribute = (): Message => ({
  1: one('name', 'string'),
  2: one('f', 'float'),
  3: one('i', 'int64'),
  4: one('s', 'bytes'),
  5: one('t', tensor),
  6: one('g', graph),
  7: many('floats', 'float'),
  8: many('ints', 'int64'),
  9: many('strings', 'bytes'),
  11: many('graphs', graph),
  20: one('type', 'int32'),
  21: one('refAttrName', 'string'),
});

const node = (): Message => ({
  1: many('input', 'string'),
  2: many('output', 'string'),
  3: one('name', 'string'),
  4: one('opType', 'string'),
  5: many('attribute', attribute),
  7: one('domain', 'string'),
  8: one('overload', 'string'),
});

const graph = (): Message => ({
  1: many('node', node),
  5: many('initializer', tensor),
  11: many('input', valueInfo),
  12: many('output', valueInfo),
  13: many('valueInfo', valueInfo),
  15: many('sparseInitializer', sparse),
});

const opset = (): Message => ({ 1: one('domain', 'string'), 2: one('version', 'int64') });

const fn = (): Message => ({
  1: one('name', 'string'),
  4: many('input', 'string'),
  5: many('output', 'string'),
  7: many('node', node),
  9: many('opsetImport', opset),
  10: one('domain', 'string'),
  11: many('attributeProto', attribute),
  13: one('overload', 'string'),
});

const model = (): Message => ({
  7: one('graph', graph),
  8: many('opsetImport', opset),
  25: many('functions', fn),
});

/** How deep messages may lie in each other. */
const MAX_DEPTH = 100;

const none = /* @__PURE__ */ new Uint8Array();
const absent: Readonly<Record<Scalar, unknown>> = {
  string: '',
  bytes: none,
  int32: 0,
  int64: 0n,
  uint64: 0n,
  float: 0,
  double: 0,
};
const wires: Readonly<Record<Scalar, WireType>> = {
  ...{ string: WireType.LengthDelimited, bytes: WireType.LengthDelimited },
  ...{ int32: WireType.Varint, int64: WireType.Varint, uint64: WireType.Varint },
  ...{ float: WireType.Bit32, double: WireType.Bit64 },
};

/** Messages as they have been asked for: none is made where none is read. */
const made = new Map<() => Message, Message>();

function fieldsOf(message: () => Message): Message {
  const known = made.get(message) ?? message();
  made.set(message, known);
  return known;
}

function empty(message: Message): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const { name, type: t, many: list, oneof: choice } of Object.values(message)) {
    if (choice) out.value = { case: undefined };
    else if (list) out[name] = [];
    else if (typeof t === 'string') out[name] = absent[t];
  }
  return out;
}

/** As many bytes of the file as are read at once, and as stay in it where a field may. */
const WINDOW = 2 ** 14;
const LARGE = 2 ** 12;
/** The most that a tag or a number takes, and the length after a tag. */
const TAG = 20;

/** Where in a file reading stands, with a part of it in memory. */
class Cursor {
  private start = 0;
  private reader = new BinaryReader(none);

  constructor(private readonly source: ByteSource) {}

  get pos(): number {
    return this.start + this.reader.pos;
  }

  /** The reader, at least so many bytes before the end of what it has, or of the file. */
  ahead(bytes: number): BinaryReader {
    const { reader, source, pos } = this;
    const left = source.length - pos;
    if (reader.len - reader.pos >= Math.min(bytes, left)) return reader;
    this.start = pos;
    this.reader = new BinaryReader(source.read(pos, Math.min(left, Math.max(bytes, WINDOW))));
    return this.reader;
  }

  /** The length that comes before what follows. */
  length(): number {
    const length = this.ahead(TAG).uint32();
    if (length > this.source.length - this.pos) throw new RangeError('premature EOF');
    return length;
  }

  /** The same, without going on. */
  lengthAhead(): number {
    const reader = this.ahead(TAG);
    const { pos } = reader;
    const length = this.length();
    reader.pos = pos;
    return length;
  }

  pass(bytes: number): void {
    const { reader, pos } = this;
    if (reader.len - reader.pos >= bytes) reader.pos += bytes;
    else {
      this.start = pos + bytes;
      this.reader = new BinaryReader(none);
    }
  }

  skip(wire: WireType, field: number): void {
    if (wire === WireType.LengthDelimited) this.pass(this.length());
    else this.ahead(TAG).skip(wire, field);
  }

  scalar(type: Scalar): unknown {
    if (wires[type] !== WireType.LengthDelimited) return this.ahead(TAG)[type]();
    const value = this.ahead(TAG + this.lengthAhead())[type]();
    // A view would keep the rest of the window.
    return this.source.copies && value instanceof Uint8Array ? value.slice() : value;
  }

  /** Whether what follows stays in the file. */
  get isLarge(): boolean {
    return this.source.copies && this.lengthAhead() >= LARGE;
  }
}

function read(cursor: Cursor, end: number, message: Message, depth: number): Record<string, unknown> {
  if (depth > MAX_DEPTH) throw new RangeError(`messages more than ${MAX_DEPTH} deep in each other`);
  const out = empty(message);
  while (cursor.pos < end) {
    const [number, wire] = cursor.ahead(TAG).tag();
    const field = message[number];
    if (!field) {
      cursor.skip(wire, number);
      continue;
    }
    const { name, type: t, many: list, oneof: choice, mayStay } = field;
    const scalar = typeof t === 'string' ? t : undefined;
    const expected = scalar ? wires[scalar] : WireType.LengthDelimited;
    if (list && scalar && wire === WireType.LengthDelimited && expected !== wire) {
      const length = cursor.length();
      const stop = cursor.pos + length;
      const values = out[name] as unknown[];
      while (cursor.pos < stop) values.push(cursor.scalar(scalar));
      continue;
    }
    if (wire !== expected) throw new RangeError(`wire type ${wire} in field '${name}'`);
    if (mayStay) delete out[`${name}At`];
    if (mayStay && cursor.isLarge) {
      const length = cursor.length();
      out[name] = none;
      out[`${name}At`] = { offset: cursor.pos, length };
      cursor.pass(length);
      continue;
    }
    let value: unknown;
    if (scalar) value = cursor.scalar(scalar);
    else {
      const length = cursor.length();
      const stop = cursor.pos + length;
      value = read(cursor, stop, fieldsOf(t as () => Message), depth + 1);
      if (cursor.pos !== stop) throw new RangeError(`a message of another length in field '${name}'`);
    }
    if (choice) out.value = { case: choice, value };
    else if (list) (out[name] as unknown[]).push(value);
    else out[name] = value;
  }
  return out;
}

/**
 * The model in a file. Bytes are views of what is in memory; of a file that isn't, large raw data stays there.
 * @throws RangeError, Error for what is none
 */
export function decodeModel(source: ByteSource): ModelProto {
  return read(new Cursor(source), source.length, fieldsOf(model), 0) as unknown as ModelProto;
}

/** A node of these fields, the others as in a file that has no more of it. */
export function nodeProto(fields: Partial<NodeProto>): NodeProto {
  return { ...empty(fieldsOf(node)), ...fields } as NodeProto;
}

/** As `nodeProto`, of an attribute. */
export function attributeProto(fields: Partial<AttributeProto>): AttributeProto {
  return { ...empty(fieldsOf(attribute)), ...fields } as AttributeProto;
}
