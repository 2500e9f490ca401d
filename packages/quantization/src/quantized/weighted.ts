import { isScale, QuantizationError } from '@octet/backend';
import { Buffer, Module, type SaveState, type StateLoader } from '@octet/nn/modules';
import { noGrad, quantizePerChannel, quantizePerTensor, type Tensor, tensor } from '@octet/tensor/functional';
import { type OutputQparams, outputQparams, rowSumsOf } from '../functional/int8';
import { type HostCopy, PackedWeight } from '../functional/packed-weight';
import { numbersOf, one } from '../loaded';
import { readQparams } from '../observed';
import type { ObserverOrFakeQuant } from '../with-args';

/** What a weighted layer brings to `convert`: float weight and bias (batch normalisation folded in). */
export interface FloatWeights {
  weight: Tensor;
  bias: Tensor | undefined;
}

/** Quantizes a weight as its observer says, having shown it the weight once more, as PyTorch's conversion does. */
export async function quantizeWeight(
  op: string,
  path: string,
  weight: Tensor,
  observer: ObserverOrFakeQuant,
): Promise<Tensor> {
  if (observer.dtype !== 'qint8') {
    throw new QuantizationError({
      op,
      expected: `a qint8 weight (${path})`,
      found: observer.dtype,
      fix: "Give the weight observer of the QConfig dtype 'qint8'.",
    });
  }
  const float = weight.detach();
  // A copy: a conversion that fails later leaves the model's own observer as it was.
  const shown = observer.clone();
  noGrad(() => shown.call(float));
  const { scale, zeroPoint } = await readQparams(op, `${path}.weight`, shown);
  return observer.chAxis === undefined
    ? quantizePerTensor(float, scale[0], zeroPoint[0], 'qint8')
    : quantizePerChannel(float, scale, zeroPoint, observer.chAxis, 'qint8');
}

/** The bias of a layer, detached. @throws QuantizationError, which names the layer, for NaN and infinities */
export async function finiteBias(
  op: string,
  path: string,
  bias: Tensor | undefined,
): Promise<Tensor | undefined> {
  const bad = ((await bias?.data()) as Float32Array | undefined)?.find((b) => !Number.isFinite(b));
  if (bad === undefined) return bias?.detach();
  throw new QuantizationError({
    op,
    expected: `a finite bias (${path}.bias)`,
    found: String(bad),
    fix: 'Mend the float model first.',
  });
}

/** A layer with a qint8 weight and a float bias, however its input and output are. */
export abstract class QuantizedWeight<Args extends unknown[] = [Tensor]> extends Module<Args> {
  static override readonly name: string = 'QuantizedWeight';

  weight: Buffer;
  bias: Buffer | undefined;
  /** What the int32 bias is made of, where it is made. */
  protected host: HostCopy | undefined = undefined;
  /** The layer's place in the model, for messages. */
  protected path: string | undefined = undefined;
  private packedWeight: PackedWeight | undefined = undefined;

  /** `transposed`: see PackedWeight. */
  constructor(
    weight: Tensor,
    bias: Tensor | undefined,
    protected readonly transposed?: number,
  ) {
    super();
    this.weight = new Buffer(weight);
    this.bias = bias && new Buffer(bias);
    this.training = false;
  }

  /** Weight and bias as the kernels want them. */
  protected get packed(): PackedWeight {
    this.packedWeight ??= new PackedWeight(
      this.path ?? this.constructor.name,
      this.weight,
      this.bias,
      this.host,
      this.transposed,
    );
    return this.packedWeight;
  }

  /** PyTorch packs a bias of zeros for a layer without. */
  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    if (!this.bias) numbersOf(load, 'bias', 'none or zeros', (values) => values.every((v) => v === 0));
  }

  protected override tensorsChanged(): void {
    this.packedWeight?.cache.clear();
    this.packedWeight = undefined;
  }

  /** For `summary`. */
  get parameterCount(): number {
    return this.weight.numel + (this.bias?.numel ?? 0);
  }

  get parameterBytes(): number {
    return this.weight.nbytes + (this.bias?.nbytes ?? 0);
  }
}

/** An int8 layer with weights that gives integers: scale and zero point of its output. */
export abstract class QuantizedWeightAndOutput extends QuantizedWeight {
  static override readonly name: string = 'QuantizedWeightAndOutput';

  scale: number;
  zeroPoint: number;

  constructor(
    weight: Tensor,
    bias: Tensor | undefined,
    { scale, zeroPoint }: OutputQparams,
    transposed?: number,
  ) {
    super(weight, bias, transposed);
    outputQparams(new.target.name, { scale, zeroPoint });
    this.scale = scale;
    this.zeroPoint = zeroPoint;
    if (bias?.backend.readSync) this.keepOnHost(weight.dataSync(), bias.dataSync());
  }

  /**
   * Tells the layer its place in the model, and reads what makes its int32 bias to the host: the constructor can't where
   * reading takes time.
   */
  async withHostBias(path: string): Promise<this> {
    this.path = path;
    if (this.bias && !this.host) this.keepOnHost(await this.weight.data(), await this.bias.data());
    return this;
  }

  private keepOnHost(weight: ArrayLike<number>, bias: ArrayLike<number>): void {
    this.host = { bias: Float32Array.from(bias), rowSums: rowSumsOf(weight, this.weight, this.transposed) };
  }

  protected override saveState(save: SaveState): void {
    super.saveState(save);
    saveOutputQparams(this, save);
  }

  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    loadOutputQparams(this, load);
    const { host } = this;
    if (!host) return;
    const read = (key: string) => (load.has(key) ? load.read(key) : undefined);
    const [weight, bias] = [read('weight'), read('bias')];
    load.commit(() => {
      if (bias) host.bias = Float32Array.from(bias);
      if (weight) host.rowSums = rowSumsOf(weight, this.weight, this.transposed);
    });
  }

  override extraRepr(): string {
    return `scale=${this.scale}, zeroPoint=${this.zeroPoint}`;
  }
}

interface HasOutputQparams {
  scale: number;
  zeroPoint: number;
}

/** Scale and zero point in a state dict: `scale` float32 and `zero_point` int32, of one element each. */
export function saveOutputQparams({ scale, zeroPoint }: HasOutputQparams, save: SaveState): void {
  const { backend } = save;
  save('scale', tensor([scale], { backend }));
  save('zero_point', tensor([zeroPoint], { dtype: 'int32', backend }));
}

export function loadOutputQparams(into: HasOutputQparams, load: StateLoader): void {
  for (const key of ['scale', 'zero_point']) load.take(key);
  const [scale] = numbersOf(load, 'scale', 'one finite number > 0', one(isScale)) ?? [];
  const isZeroPoint = one((z) => z >= 0 && z <= 255 && z % 1 === 0);
  const [zeroPoint] = numbersOf(load, 'zero_point', 'one whole number from 0 to 255', isZeroPoint) ?? [];
  load.commit(() => {
    if (scale !== undefined) into.scale = scale;
    if (zeroPoint !== undefined) into.zeroPoint = zeroPoint;
  });
}
