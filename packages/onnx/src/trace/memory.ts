import { type Layout, sameShape, type Tensor } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Graph, Value } from '../graph/graph';
import { isWhole, join, type Part } from './join';
import { describe } from './layout';
import { view } from './view';

type Storage = Tensor['storage'];

/** What lies in a piece of memory while the model runs. Memory that is not in the table holds a constant. */
type Contents =
  /** Depends on no input: read when the file is written. A copy of another constant goes by its name. */
  | { readonly kind: 'constant'; readonly name?: string | undefined; readonly fill?: number }
  | { readonly kind: 'value'; readonly value: Value; readonly layout: Layout }
  | { kind: 'parts'; readonly fill: number | undefined; readonly parts: Part[]; readonly constant: boolean }
  /** An output of a kernel that ONNX has no counterpart of. */
  | { readonly kind: 'lost'; readonly kernel: string };

const constant: Contents = { kind: 'constant' };

/** Follows the values of the graph through the memory that kernels write and read. */
export class Memory {
  private readonly contents = new Map<Storage, Contents>();
  private readonly constants = new Map<Storage, Map<string, Value>>();
  private readonly names = new Map<Storage, string>();
  /** The memory of constants. */
  readonly kept = new Set<Storage>();

  /** `state` is the model's state dict: its tensors are constants of those names. */
  constructor(
    private readonly graph: Graph,
    private readonly state: Readonly<Record<string, Tensor>>,
  ) {
    for (const [name, t] of Object.entries(state)) this.names.set(t.storage, name);
  }

  isConstant({ storage }: Tensor): boolean {
    return this.holdsConstant(storage);
  }

  holdsConstant(storage: Storage): boolean {
    const found = this.contents.get(storage) ?? constant;
    return found.kind === 'constant' || (found.kind === 'parts' && found.constant);
  }

  /** `t` now holds `value`. */
  define(t: Tensor, value: Value): void {
    this.write(t, { kind: 'value', value, layout: t });
  }

  /** `t` was computed, from constants alone; from nothing but `fill`, if that is given. */
  defineConstant(t: Tensor, fill?: number): void {
    this.kept.add(t.storage);
    this.write(t, fill === undefined ? constant : { kind: 'constant', fill });
  }

  /** `t` holds what no ONNX node gives. */
  lose(t: Tensor, kernel: string): void {
    this.write(t, { kind: 'lost', kernel });
  }

  /** `to` became a copy of `from`, which has its shape; either may be a part of its storage, in any order of dims. */
  copy(from: Tensor, to: Tensor): void {
    const value = this.isConstant(from) ? undefined : this.read(from, 'input');
    if (isWhole(to)) {
      if (value) this.define(to, value);
      else {
        this.kept.add(to.storage);
        this.write(to, { kind: 'constant', name: this.nameOf(from) });
      }
      return;
    }
    const before = this.contents.get(to.storage);
    if (!value && before?.kind === 'constant' && before.fill === undefined) {
      this.write(to, before);
      return;
    }
    const part = { value: value ?? this.read(from, 'constant'), layout: to };
    if (before?.kind === 'parts') {
      this.write(to, { ...before, parts: [...before.parts, part], constant: before.constant && !value });
    } else if (!before || before.kind === 'constant') {
      this.write(to, { kind: 'parts', fill: before?.fill, parts: [part], constant: !value });
    } else {
      throw cannotExport({
        expected: 'tensors that are written once',
        found: `a part of one overwritten after it was computed${this.graph.scope && ` in '${this.graph.scope}'`}`,
        fix: 'Make a new tensor of the parts with cat, rather than writing into a slice.',
      });
    }
  }

  /** The value that `t` sees. `name` is what to call it if it is a constant that has no name. */
  read(t: Tensor, name: string): Value {
    const found = this.contents.get(t.storage) ?? constant;
    if (this.isConstant(t)) return this.constant(t, this.nameOf(t) ?? name);
    if (found.kind === 'value') return view(this.graph, found.value, found.layout, t);
    if (found.kind === 'parts') {
      this.contents.set(t.storage, { kind: 'value', ...join(this.graph, found, t) });
      return this.read(t, name);
    }
    throw cannotExport({
      expected: 'values that ONNX has',
      found: `another output of the kernel '${(found as { kernel: string }).kernel}' than its first`,
      fix: 'Compute it from the inputs of that operation.',
    });
  }

  private constant(t: Tensor, name: string): Value {
    let views = this.constants.get(t.storage);
    if (!views) {
      views = new Map();
      this.constants.set(t.storage, views);
    }
    const key = describe(t);
    let value = views.get(key);
    if (!value) {
      this.kept.add(t.storage);
      const state = this.state[name];
      value = this.graph.tensor(t, name, state?.storage === t.storage && sameShape(state.shape, t.shape));
      views.set(key, value);
    }
    return value;
  }

  private nameOf({ storage, shape }: Tensor): string | undefined {
    const found = this.contents.get(storage);
    const copied = found?.kind === 'constant' ? found.name : undefined;
    const name = copied ?? this.names.get(storage);
    const whole = name === undefined || copied || sameShape(shape, this.state[name].shape);
    return whole ? name : `${name}_view`;
  }

  private write({ storage }: Tensor, contents: Contents): void {
    if (this.constants.has(storage)) {
      throw cannotExport({
        expected: 'constants that stay as they are',
        found: `'${this.names.get(storage) ?? 'a tensor'}' overwritten after it was used${this.graph.scope && ` in '${this.graph.scope}'`}`,
        fix: 'State that changes from call to call belongs into inputs and outputs of the model.',
      });
    }
    this.contents.set(storage, contents);
  }
}
