import { type Complain, type FormatError, quote } from '../errors';
import { decodeUtf8 } from '../text';

/** Makes the error of the opcode that is being carried out. */
export type Refuse = (
  expected: string,
  found: string,
  options?: { fix?: string; cause?: unknown },
) => FormatError;

/** What a pickle may refer to. */
export interface Outside {
  /** The value of a global such as `collections.OrderedDict`. @throws FormatError for one that isn't allowed */
  global(name: string, refuse: Refuse): unknown;
  /** What a persistent id stands for. @throws FormatError for a bad one */
  persistent(id: unknown, refuse: Refuse): unknown;
}

/** The only kind of global that a pickle can call. */
export class Callable {
  constructor(readonly call: (args: readonly unknown[], refuse: Refuse) => unknown) {}
}

/**
 * Runs a pickle: a program for a stack machine with a memo that makes one value. Of its protocols 2 to 5 this does what
 * `torch.save` uses, and nothing that could run code: globals and the calls of them are up to `outside`.
 *
 * None is null; tuples and lists are arrays, dicts are Maps (with keys that are no objects), ints are numbers, or bigints
 * beyond what a double counts. Containers may hold themselves.
 *
 * @throws FormatError, which names the byte of the opcode
 */
export function unpickle(bytes: Uint8Array, outside: Outside, complain: Complain): unknown {
  return new Machine(bytes, outside, complain).run();
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

  constructor(
    private readonly bytes: Uint8Array,
    readonly outside: Outside,
    private readonly complain: Complain,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
    this.complain(`data.pkl at byte ${this.start}`, expected, found, options);

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
    if (!Array.isArray(list)) throw this.refuse('preceded by a list', kindOf(list));
    for (const value of values) list.push(value);
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.refuse('preceded by a dict', kindOf(dict));
    if (items.length % 2 !== 0) throw this.refuse('preceded by pairs', `${items.length} values`);
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key === 'object' && key !== null)
        throw this.refuse('preceded by keys of text, numbers, booleans or None', kindOf(key));
      dict.set(key, items[i + 1]);
    }
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.refuse('preceded by two names', `${kindOf(module)} and ${kindOf(name)}`);
    this.push(this.outside.global(`${module}.${name}`, this.refuse));
  }

  reduce(): void {
    const [callable, args] = this.popMany(2);
    if (!(callable instanceof Callable) || !Array.isArray(args))
      throw this.refuse('preceded by a function and a tuple', `${kindOf(callable)} and ${kindOf(args)}`);
    this.push(callable.call(args, this.refuse));
  }

  /** Attributes of a dict are dropped: PyTorch keeps the versions of modules there, in `_metadata`. */
  build(): void {
    const [object, state] = this.popMany(2);
    if (!(object instanceof Map && state instanceof Map))
      throw this.refuse('preceded by two dicts', `${kindOf(object)} and ${kindOf(state)}`);
    this.push(object);
  }
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
  // SHORT_BINUNICODE, BINUNICODE
  '\x8c': (m) => m.push(m.text(m.uint8())),
  X: (m) => m.push(m.text(m.uint32())),

  // MARK
  '(': (m) => m.mark(),
  // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
  ')': (m) => m.push([]),
  '\x85': (m) => m.push(m.popMany(1)),
  '\x86': (m) => m.push(m.popMany(2)),
  '\x87': (m) => m.push(m.popMany(3)),
  t: (m) => m.push(m.popMark()),
  // EMPTY_LIST, APPEND, APPENDS
  ']': (m) => m.push([]),
  a: (m) => m.append([m.pop()]),
  e: (m) => m.append(m.popMark()),
  // EMPTY_DICT, SETITEM, SETITEMS
  '}': (m) => m.push(new Map()),
  s: (m) => m.setItems(m.popMany(2)),
  u: (m) => m.setItems(m.popMark()),

  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  q: (m) => m.memo.set(m.uint8(), m.top()),
  r: (m) => m.memo.set(m.uint32(), m.top()),
  '\x94': (m) => m.memo.set(m.memo.size, m.top()),
  h: (m) => m.recall(m.uint8()),
  j: (m) => m.recall(m.uint32()),

  // GLOBAL, STACK_GLOBAL, REDUCE, BUILD, BINPERSID
  c: (m) => m.global(m.line(), m.line()),
  '\x93': (m) => {
    const [module, name] = m.popMany(2);
    m.global(module, name);
  },
  R: (m) => m.reduce(),
  b: (m) => m.build(),
  Q: (m) => m.push(m.outside.persistent(m.pop(), m.refuse)),
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list or tuple';
  if (value instanceof Map) return 'a dict';
  if (value instanceof Callable) return 'a function';
  return quote(value);
}
