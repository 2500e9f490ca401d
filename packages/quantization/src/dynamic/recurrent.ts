import { checkOptions } from '@octet/backend';
import {
  Buffer,
  type GRU,
  type GRUCell,
  type LSTM,
  type LSTMCell,
  Parameter,
  type RNN,
  RNN_OPTIONS,
  type RNNCell,
  type RNNLayer,
  skipInit,
} from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import { PackedWeight } from '../functional/packed-weight';

type Recurrent = RNN | GRU | LSTM | RNNCell | GRUCell | LSTMCell;

/** The options that all cells have. */
const CELL_OPTIONS = 'bias';

/** What a recurrent module with int8 weights has beside what the float one, `M`, has. */
export interface DynamicRecurrent<M> {
  /** Whether inputs are quantized to 7 bits. */
  readonly reduceRange: boolean;
  /** The module with the integers' numbers as weights. */
  toFloat(): M;
  /** Elements of weights and biases, and their size in bytes: for `summary`. */
  readonly parameterCount: number;
  readonly parameterBytes: number;
}

/** The class of `M` with int8 weights. `O` are its options in float. */
export interface DynamicRecurrentClass<M extends Recurrent, O> {
  readonly name: string;
  new (inputSize: number, hiddenSize: number, options?: O & DynamicOptions): M & DynamicRecurrent<M>;
  /** `quantize` makes the int8 weight of each float one, [gates·hiddenSize, inputs]. */
  fromFloat<D>(
    this: new (
      inputSize: number,
      hiddenSize: number,
      options?: O & DynamicOptions,
    ) => D,
    module: M,
    quantize: (weight: Tensor) => Promise<Tensor>,
    options?: DynamicOptions,
  ): Promise<D>;
}

/** All steps of a layer by one kernel, where the backend has it. */
type LayerKernel = (
  gates: Tensor,
  weight: PackedWeight,
  state: readonly Tensor[],
  options: DynamicOptions,
) => Tensor | undefined;

/**
 * `Module` with int8 weights, whose inputs and state are quantized at every product, by their own minimum and maximum: a class to
 * extend, one for recurrent layers and cells. `own` are the options that only this module has.
 */
export function dynamicRecurrent<M extends Recurrent, O>(
  kind: 'layer' | 'cell',
  Module: { readonly name: string; new (inputSize: number, hiddenSize: number, options?: O): M },
  { own = '', layerKernel }: { own?: string; layerKernel?: LayerKernel } = {},
): DynamicRecurrentClass<M, O> {
  const op = `dynamic.${Module.name}`;
  const optionNames = `${kind === 'layer' ? RNN_OPTIONS : CELL_OPTIONS} ${own}`.trim();
  // Any of the classes: TypeScript extends none that it doesn't know.
  const Base = Module as unknown as typeof GRU;

  class DynamicModule extends Base implements DynamicRecurrent<unknown> {
    readonly reduceRange: boolean;
    private packed = new Map<Tensor, PackedWeight>();

    constructor(inputSize: number, hiddenSize: number, options?: DynamicOptions) {
      const { reduceRange = false, ...rest } = checkOptions(op, options, `${optionNames} reduceRange`);
      super(inputSize, hiddenSize, rest);
      this.reduceRange = reduceRange;
    }

    static async fromFloat(
      module: Recurrent,
      quantize: (weight: Tensor) => Promise<Tensor>,
      options?: DynamicOptions,
    ): Promise<DynamicModule> {
      const { reduceRange } = checkOptions(`${op}.fromFloat`, options, 'reduceRange');
      const { inputSize, hiddenSize } = module;
      const given = { ...optionsOf(module, optionNames), reduceRange };
      const made = skipInit(() => new this(inputSize, hiddenSize, given));
      const fields = made as unknown as Record<string, Tensor>;
      for (const [name, parameter] of module.namedParameters())
        fields[name] = new Buffer(name.startsWith('weight') ? await quantize(parameter) : parameter);
      return made.eval();
    }

    toFloat(): Recurrent {
      const made = skipInit(() => new Base(this.inputSize, this.hiddenSize, optionsOf(this, optionNames)));
      const fields = made as unknown as Record<string, Tensor>;
      for (const [name, t] of this.namedBuffers())
        fields[name] = new Parameter(t.isQuantized ? dequantize(t) : t);
      return made.train(this.training);
    }

    /** The packed weight of the inputs (`Ih`), the state (`Hh`) or the projection (`Hr`), of a layer or of the cell, made once. */
    private weightOf(of: 'Ih' | 'Hh' | 'Hr', layer: RNNLayer | ''): PackedWeight {
      const fields = this as unknown as Record<string, Tensor>;
      const weight = fields[`weight${of}${layer}`];
      let found = this.packed.get(weight);
      if (!found) {
        found = new PackedWeight(op, weight, fields[`bias${of}${layer}`]);
        this.packed.set(weight, found);
      }
      return found;
    }

    // A cell is given its operand alone.
    protected override inputGates(...given: [layer: RNNLayer, x: Tensor] | [x: Tensor]): Tensor {
      return this.product('Ih', given);
    }

    protected override hiddenGates(...given: [layer: RNNLayer, h: Tensor] | [h: Tensor]): Tensor {
      return this.product('Hh', given);
    }

    protected override projected(layer: RNNLayer, h: Tensor): Tensor {
      return this.product('Hr', [layer, h]);
    }

    private product(of: 'Ih' | 'Hh' | 'Hr', given: [RNNLayer, Tensor] | [Tensor]): Tensor {
      const [layer, x] = given.length === 2 ? given : (['', given[0]] as const);
      return dynamicLinear(x, this.weightOf(of, layer), { reduceRange: this.reduceRange });
    }

    protected override layerKernel(layer: RNNLayer, gates: Tensor, ...state: Tensor[]): Tensor | undefined {
      const { reduceRange } = this;
      return layerKernel?.(gates, this.weightOf('Hh', layer), state, { reduceRange });
    }

    get parameterCount(): number {
      return this.buffers().reduce((sum, t) => sum + t.numel, 0);
    }

    get parameterBytes(): number {
      return this.buffers().reduce((sum, t) => sum + t.nbytes, 0);
    }

    override extraRepr(): string {
      return super.extraRepr() + (this.reduceRange ? ', reduceRange=true' : '');
    }

    protected override tensorsChanged(): void {
      for (const { cache } of this.packed.values()) cache.clear();
      this.packed = new Map();
    }
  }
  return DynamicModule as unknown as DynamicRecurrentClass<M, O>;
}

/** The options that make a module of the same form. */
function optionsOf(module: Recurrent, names: string): object {
  const fields = module as unknown as Record<string, unknown>;
  return Object.fromEntries(
    names.split(' ').map((name) => [name, name === 'bias' ? module.hasBias : fields[name]]),
  );
}
