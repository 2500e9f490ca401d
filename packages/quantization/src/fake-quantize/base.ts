import { ArgumentError, isScale } from '@octet/backend';
import { Buffer, Module, type Parameter, type StateLoader } from '@octet/nn/modules';
import { type Tensor, tensor } from '@octet/tensor/functional';
import { simulate } from '../functional/fake-quantize';
import type { QparamTensors } from '../functional/observe';
import { numbersOf } from '../loaded';
import { type Observer, rangeOf } from '../observers/base';
import { type ObserverFactory, type ObserverLike, toFactory, withArgs } from '../with-args';

/** The options of a fake quantizer: which observer, and the observer's own options. */
export type FakeQuantizeOptions = Record<string, unknown> & { observer?: ObserverLike };

/**
 * Simulates quantization in a float model: watches with its observer, then rounds to the integers' grid. Both can be
 * switched: see enableObserver, disableFakeQuant and their like.
 */
export abstract class FakeQuantizeBase extends Module {
  static readonly pure = true;

  readonly activationPostProcess: Observer;
  scale: Buffer | Parameter;
  zeroPoint: Buffer | Parameter;
  fakeQuantEnabled = true;
  observerEnabled = true;
  /** Whether the observer has queued batches that scale and zero point don't tell of. */
  private behind = false;

  constructor(observer: ObserverLike, { observer: _, ...observerOptions }: FakeQuantizeOptions) {
    super();
    const made = toFactory(new.target.name, 'observer', observer).withArgs(observerOptions)();
    if (made instanceof FakeQuantizeBase) {
      throw new ArgumentError({
        op: new.target.name,
        expected: 'an observer',
        found: 'a fake quantizer',
        fix: 'Pass MinMaxObserver or another observer as observer.',
      });
    }
    this.activationPostProcess = made;
    this.scale = new Buffer(tensor([1]), { anyShape: true });
    this.zeroPoint = new Buffer(tensor([0], { dtype: 'int32' }), { anyShape: true });
  }

  /** The class with options fixed, for a QConfig; the factory's own `withArgs` fixes more. */
  static withArgs<O>(this: new (options: O) => FakeQuantizeBase, options: O): ObserverFactory {
    return withArgs(this, options);
  }

  get dtype(): 'quint8' | 'qint8' {
    return this.activationPostProcess.dtype;
  }

  get qscheme() {
    return this.activationPostProcess.qscheme;
  }

  get reduceRange(): boolean {
    return this.activationPostProcess.reduceRange;
  }

  get quantMin(): number {
    return this.activationPostProcess.quantMin;
  }

  get quantMax(): number {
    return this.activationPostProcess.quantMax;
  }

  get chAxis(): number | undefined {
    return this.activationPostProcess.chAxis;
  }

  get observed(): boolean {
    return this.activationPostProcess.observed;
  }

  /** The observer's scale and zero point, which conversion uses. */
  calculateQparams(): QparamTensors {
    return this.activationPostProcess.calculateQparams();
  }

  enableObserver(enabled = true): void {
    this.observerEnabled = enabled;
  }

  enableFakeQuant(enabled = true): void {
    this.fakeQuantEnabled = enabled;
  }

  override forward(x: Tensor): Tensor {
    if (this.observerEnabled) {
      this.activationPostProcess.call(x.detach());
      // Where nothing is rounded yet, scale and zero point can wait: see flushObservers.
      this.behind = !this.fakeQuantEnabled && this.activationPostProcess.waiting;
      if (!this.behind) this.updateQparams();
    }
    return this.fakeQuantEnabled ? this.fakeQuantize(x) : x;
  }

  /** Takes over what the observer says of batches that were queued. @internal */
  catchUp(): void {
    if (!this.behind) return;
    this.behind = false;
    this.updateQparams();
  }

  /** Takes over what the observer says, after each batch it sees. */
  protected updateQparams(): void {
    this.setQparams(this.activationPostProcess.calculateQparams());
  }

  protected fakeQuantize(x: Tensor): Tensor {
    const { quantMin, quantMax } = this;
    return simulate(x, this.scale, this.zeroPoint, { quantMin, quantMax, axis: this.chAxis });
  }

  protected setQparams({ scale, zeroPoint }: QparamTensors): void {
    this.scale = new Buffer(scale, { anyShape: true });
    this.zeroPoint = new Buffer(zeroPoint, { anyShape: true });
  }

  protected override saveState(save: (key: string, tensor: Tensor) => void): void {
    const flag = (on: boolean) => tensor([on ? 1 : 0], { dtype: 'uint8', backend: this.scale.backend });
    save('fake_quant_enabled', flag(this.fakeQuantEnabled));
    save('observer_enabled', flag(this.observerEnabled));
    super.saveState(save);
  }

  protected override loadState(load: StateLoader): void {
    const fakeQuant = load.read('fake_quant_enabled');
    const observer = load.read('observer_enabled');
    super.loadState(load);
    this.checkQparams(load);
    load.commit(() => {
      if (fakeQuant) this.fakeQuantEnabled = fakeQuant[0] !== 0;
      if (observer) this.observerEnabled = observer[0] !== 0;
    });
  }

  /** Scale and zero point must fit the scheme, each other and the range that comes with them. */
  private checkQparams(load: StateLoader): void {
    const { chAxis, quantMin, quantMax } = this;
    // Learned ones have a shape of their own, and are brought into range when they are used.
    if (!(this.scale instanceof Buffer)) return;
    const observer = load.child('activation_post_process', this.activationPostProcess);
    const ranges = observer.has('min_val') && observer.take('min_val')?.numel;
    const scale = rangeOf(load, 'scale', chAxis);
    // One number before the range was observed.
    numbersOf(
      load,
      'scale',
      ranges && ranges > 1 ? `${ranges} finite numbers > 0` : 'a finite number > 0',
      (s) => (s.length === 1 || s.length === ranges) && s.length > 0 && s.every(isScale),
    );
    numbersOf(
      load,
      'zero_point',
      `as many numbers as scale, from ${quantMin} to ${quantMax}`,
      (z) =>
        z.length === (scale?.length ?? this.scale.numel) &&
        z.every((each) => each >= quantMin && each <= quantMax),
    );
  }

  override extraRepr(): string {
    return `fakeQuantEnabled=${this.fakeQuantEnabled}, observerEnabled=${this.observerEnabled}`;
  }
}
