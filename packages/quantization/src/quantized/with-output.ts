import { Module, type SaveState, type StateLoader } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { type OutputQparams, outputQparams } from '../functional/int8';
import { loadOutputQparams, saveOutputQparams } from './weighted';

/** An int8 module without weights: only the scale and zero point of its output. */
export abstract class QuantizedOutput<Args extends unknown[] = [Tensor]> extends Module<Args> {
  static override readonly name: string = 'QuantizedOutput';

  scale: number;
  zeroPoint: number;

  constructor({ scale, zeroPoint }: OutputQparams) {
    super();
    outputQparams(new.target.name, { scale, zeroPoint });
    this.scale = scale;
    this.zeroPoint = zeroPoint;
    this.training = false;
  }

  protected override saveState(save: SaveState): void {
    super.saveState(save);
    saveOutputQparams(this, save);
  }

  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    loadOutputQparams(this, load);
  }

  override extraRepr(): string {
    return `scale=${this.scale}, zeroPoint=${this.zeroPoint}`;
  }
}
