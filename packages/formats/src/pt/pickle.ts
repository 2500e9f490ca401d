import { type FormatError, type MakeError, quote } from '../errors';
import { decodeUtf8 } from '../text';
import { Opaque } from './opaque';

/** Makes the error of the opcode that is being carried out. */
export type Refuse = (
  expected: string,
  found: string,
  options?: { fix?: string; cause?: unknown },
) => FormatError;

/** What a pickle may refer to. */
export interface Outside {
  /** The value of a global such as `collections.OrderedDict`; undefined for one that isn't known. */
  global(name: string): unknown;
  /** What a persistent id stands for. @throws FormatError for a bad one */
  persistent(id: unknown, refuse: Refuse): unknown;
}

/** What a call may use of the pickle that it stands in. */
export interface Context {
  /** A placeholder for what isn't known. */
  opaque(name: string, args: readonly unknown[]): Opaque;
  /** Counts elements that are copied. @throws FormatError when they are more than a pickle of that size can hold */
  spend(count: number): void;
}

/** The only kind of global that a pickle can call. */
export class Callable {
  constructor(readonly call: (args: readonly unknown[], refuse: Refuse, context: Context) => unknown) {}
}

/** A function of so many arguments, or of so few to so many. */
export function call(arity: number | readonly [min: number, max: number], make: Callable['call']): Callable {
  const [min, max] = typeof arity === 'number' ? [arity, arity] : arity;
  return new Callable((args, refuse, context) => {
    if (args.length < min || args.length > max)
      throw refuse(`a call with ${min === max ? min : `${min} to ${max}`} arguments`, `${args.length}`);
    return make(args, refuse, context);
  });
}

/** Attributes without a class of their own: an `argparse.Namespace`. */
export class Attributes extends Map<unknown, unknown> {
  build(state: unknown, _: Context, refuse: Refuse): void {
    if (!(state instanceof Map)) throw refuse('preceded by a dict of attributes', kindOf(state));
    for (const [key, value] of state) this.set(key, value);
  }
}

/** Tuples are arrays that can't be changed, as in Python. */
function tuple(items: readonly unknown[]): readonly unknown[] {
  return Object.freeze(items);
}

/**
 * Runs a pickle: a program for a stack machine with a memo that makes one value. Of its protocols 2 to 5 this does what
 * `torch.save` uses, and nothing that could run code: globals and the calls of them are up to `outside`.
 *
 * None is null; lists are arrays, tuples frozen ones, dicts are Maps, sets are Sets, bytes are Uint8Arrays, ints are numbers,
 * or bigints beyond what a double counts. What `outside` doesn't know is `Opaque`. Containers may hold themselves.
 *
 * @throws FormatError, which names the byte of the opcode
 */
export function unpickle(bytes: Uint8Array, outside: Outside, makeError: MakeError): unknown {
  return new Machine(bytes, outside, makeError).run();
}

class Machine {
  readonly memo = new Map<number, unknown>();
  private readonly view: DataView;
  /** Of the opcode at hand. */
  private start = 0;
  private at = 0;
  private stack: unknown[] = [];
  /** What lay on the stack when each open mark was set. */
  private readonly below: unknown[][] = [];
  /** How many elements may still be copied: each must have come from the pickle, and is copied a few times at most. */
  private budget: number;

  constructor(
    private readonly bytes: Uint8Array,
    readonly outside: Outside,
    private readonly makeError: MakeError,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.budget = 4 * bytes.length;
  }

  run(): unknown {
    for (;;) {
      this.start = this.at;
      const code = String.fromCharCode(this.uint8());
      if (code === STOP) return this.pop();
      const opcode = opcodes[code];
      if (!opcode) throw this.refuse('an opcode that torch.save uses', quote(code));
      opcode(this);
    }
  }

  readonly refuse: Refuse = (expected, found, options) =>
    this.makeError(`data.pkl at byte ${this.start}`, expected, found, options);

  private readonly context: Context = {
    opaque: (name, args) => new Opaque(name, this.start, args),
    spend: (count) => {
      this.budget -= count;
      if (this.budget < 0)
        throw this.refuse('a copy of no more than a file of this size can hold', String(count));
    },
  };

  // ---- the program

  /** The position of the next `count` bytes, which are done with. */
  private skip(count: number): number {
    const left = this.bytes.length - this.at;
    if (count > left) throw this.refuse(`followed by ${count} bytes`, String(left));
    this.at += count;
    return this.at - count;
  }

  take(count: number): Uint8Array {
    const begin = this.skip(count);
    return this.bytes.subarray(begin, begin + count);
  }

  uint8(): number {
    return this.view.getUint8(this.skip(1));
  }

  uint16(): number {
    return this.view.getUint16(this.skip(2), true);
  }

  uint32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  int32(): number {
    return this.view.getInt32(this.skip(4), true);
  }

  /** A length of 8 bytes. */
  uint64(): number {
    return Number(this.view.getBigUint64(this.skip(8), true));
  }

  /** The only number that is stored with its highest byte first. */
  double(): number {
    return this.view.getFloat64(this.skip(8));
  }

  /** Two's complement. */
  long(count: number): number | bigint {
    const value = this.take(count).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const signed = BigInt.asIntN(8 * count, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  text(count: number): string {
    const bytes = this.take(count);
    try {
      return decodeUtf8(bytes);
    } catch (cause) {
      throw this.refuse('UTF-8', 'other bytes', { cause });
    }
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.refuse('followed by a line', 'none');
    const text = this.text(end - this.at);
    this.at = end + 1;
    return text;
  }

  // ---- the stack

  push(value: unknown): void {
    this.stack.push(value);
  }

  /** The last `count` values, which are taken away. */
  popMany(count: number): unknown[] {
    if (count > this.stack.length)
      throw this.refuse(`preceded by ${count} values`, String(this.stack.length));
    return this.stack.splice(this.stack.length - count);
  }

  pop(): unknown {
    this.top();
    return this.stack.pop();
  }

  top(): unknown {
    if (this.stack.length === 0) throw this.refuse('preceded by a value', 'none');
    return this.stack[this.stack.length - 1];
  }

  mark(): void {
    this.below.push(this.stack);
    this.stack = [];
  }

  /** All values above the last mark, which are taken away with it. */
  popMark(): unknown[] {
    const values = this.stack;
    const below = this.below.pop();
    if (!below) throw this.refuse('preceded by a mark', 'none');
    this.stack = below;
    return values;
  }

  // ---- what opcodes do

  recall(index: number): void {
    if (!this.memo.has(index)) throw this.refuse('the index of a value in the memo', String(index));
    this.push(this.memo.get(index));
  }

  append(values: readonly unknown[]): void {
    const list = this.top();
    const items = list instanceof Opaque ? list.items : list;
    if (!Array.isArray(items) || Object.isFrozen(items))
      throw this.refuse('preceded by a list', kindOf(list));
    for (const value of values) items.push(value);
  }

  add(values: readonly unknown[]): void {
    const set = this.top();
    if (set instanceof Opaque) this.append(values);
    else if (set instanceof Set) for (const value of values) set.add(value);
    else throw this.refuse('preceded by a set', kindOf(set));
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map || dict instanceof Opaque))
      throw this.refuse('preceded by a dict', kindOf(dict));
    if (items.length % 2 !== 0) throw this.refuse('preceded by pairs', `${items.length} values`);
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (!isHashable(key)) throw this.refuse('preceded by keys that can be', kindOf(key));
      if (dict instanceof Opaque) dict.items.push(tuple([key, items[i + 1]]));
      else dict.set(key, items[i + 1]);
    }
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.refuse('preceded by two names', `${kindOf(module)} and ${kindOf(name)}`);
    const id = `${module}.${name}`;
    this.push(this.outside.global(id) ?? new Opaque(id, this.start));
  }

  /** A function or class and a tuple of arguments, which are replaced by what the call gives. */
  reduce([callable, args]: unknown[]): void {
    if (!Array.isArray(args) || !(callable instanceof Callable || callable instanceof Opaque))
      throw this.refuse('preceded by a function and a tuple', `${kindOf(callable)} and ${kindOf(args)}`);
    this.push(
      callable instanceof Opaque ? callable.made(args) : callable.call(args, this.refuse, this.context),
    );
  }

  /** Attributes of a dict are dropped: PyTorch keeps the versions of modules there, in `_metadata`. */
  build(): void {
    const [object, state] = this.popMany(2);
    if (object instanceof Opaque) object.state = state;
    else if (isBuilt(object)) object.build(state, this.context, this.refuse);
    else if (!(object instanceof Map && state instanceof Map))
      throw this.refuse('preceded by two dicts', `${kindOf(object)} and ${kindOf(state)}`);
    this.push(object);
  }
}

/** What knows what to do with its attributes. */
interface Built {
  build(state: unknown, context: Context, refuse: Refuse): void;
}

function isBuilt(object: unknown): object is Built {
  return typeof object === 'object' && object !== null && 'build' in object;
}

/** What a dict may have as a key. */
function isHashable(value: unknown): boolean {
  if (Array.isArray(value)) return Object.isFrozen(value);
  return !(value instanceof Map);
}

const STOP = '.';

const opcodes: Readonly<Record<string, (m: Machine) => void>> = {
  // PROTO
  '\x80': (m) => {
    const protocol = m.uint8();
    if (protocol > 5) throw m.refuse('of protocol 5 or less', String(protocol));
  },
  // FRAME: says how many bytes follow, for those who read a stream
  '\x95': (m) => m.take(8),

  // NONE, NEWTRUE, NEWFALSE
  N: (m) => m.push(null),
  '\x88': (m) => m.push(true),
  '\x89': (m) => m.push(false),
  // BININT1, BININT2, BININT, LONG1, BINFLOAT
  K: (m) => m.push(m.uint8()),
  M: (m) => m.push(m.uint16()),
  J: (m) => m.push(m.int32()),
  '\x8a': (m) => m.push(m.long(m.uint8())),
  G: (m) => m.push(m.double()),
  // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
  '\x8c': (m) => m.push(m.text(m.uint8())),
  X: (m) => m.push(m.text(m.uint32())),
  '\x8d': (m) => m.push(m.text(m.uint64())),
  // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
  C: (m) => m.push(m.take(m.uint8()).slice()),
  B: (m) => m.push(m.take(m.uint32()).slice()),
  '\x8e': (m) => m.push(m.take(m.uint64()).slice()),
  '\x96': (m) => m.push(m.take(m.uint64()).slice()),

  // MARK
  '(': (m) => m.mark(),
  // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
  ')': (m) => m.push(tuple([])),
  '\x85': (m) => m.push(tuple(m.popMany(1))),
  '\x86': (m) => m.push(tuple(m.popMany(2))),
  '\x87': (m) => m.push(tuple(m.popMany(3))),
  t: (m) => m.push(tuple(m.popMark())),
  // EMPTY_LIST, APPEND, APPENDS
  ']': (m) => m.push([]),
  a: (m) => m.append([m.pop()]),
  e: (m) => m.append(m.popMark()),
  // EMPTY_DICT, SETITEM, SETITEMS
  '}': (m) => m.push(new Map()),
  s: (m) => m.setItems(m.popMany(2)),
  u: (m) => m.setItems(m.popMark()),
  // EMPTY_SET, ADDITEMS, FROZENSET
  '\x8f': (m) => m.push(new Set()),
  '\x90': (m) => m.add(m.popMark()),
  '\x91': (m) => m.push(new Set(m.popMark())),

  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  q: (m) => m.memo.set(m.uint8(), m.top()),
  r: (m) => m.memo.set(m.uint32(), m.top()),
  '\x94': (m) => m.memo.set(m.memo.size, m.top()),
  h: (m) => m.recall(m.uint8()),
  j: (m) => m.recall(m.uint32()),

  // GLOBAL, STACK_GLOBAL, REDUCE, NEWOBJ, NEWOBJ_EX, BUILD, BINPERSID
  c: (m) => m.global(m.line(), m.line()),
  '\x93': (m) => {
    const [module, name] = m.popMany(2);
    m.global(module, name);
  },
  R: (m) => m.reduce(m.popMany(2)),
  '\x81': (m) => m.reduce(m.popMany(2)),
  '\x92': (m) => {
    const [type, args, named] = m.popMany(3);
    m.reduce([type, Array.isArray(args) && !isEmpty(named) ? tuple([...args, named]) : args]);
  },
  b: (m) => m.build(),
  Q: (m) => m.push(m.outside.persistent(m.pop(), m.refuse)),
};

function isEmpty(dict: unknown): boolean {
  return dict instanceof Map && dict.size === 0;
}

function kindOf(value: unknown): string {
  if (value instanceof Opaque) return quote(value.name);
  if (Array.isArray(value)) return 'a list or tuple';
  if (value instanceof Map) return 'a dict';
  if (value instanceof Callable) return 'a function';
  return quote(value);
}
