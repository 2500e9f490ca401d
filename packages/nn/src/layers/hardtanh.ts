import { ArgumentError, checkOptions, requireNumbers } from '@octet/backend';
import { hardtanh, type Tensor } from '@octet/tensor';
import { repr } from '../arguments';
import { Module } from '../module';

/** min(max(x, minVal), maxVal), any shape. @throws ArgumentError unless minVal < maxVal */
export class Hardtanh extends Module {
  static override readonly name: string = 'Hardtanh';
  static readonly pure = true;

  constructor(
    readonly minVal = -1,
    readonly maxVal = 1,
    options?: Record<string, never>,
  ) {
    super();
    requireNumbers('Hardtanh', { minVal, maxVal });
    checkOptions('Hardtanh', options);
    if (minVal < maxVal) return;
    throw new ArgumentError({
      op: 'Hardtanh',
      expected: 'minVal < maxVal',
      found: `${minVal} and ${maxVal}`,
      fix: 'The smaller bound comes first.',
    });
  }

  forward(x: Tensor): Tensor {
    return hardtanh(x, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return repr({ minVal: this.minVal, maxVal: this.maxVal });
  }
}
