import type { Tensor } from '@octet/tensor';

/** Signal to quantization noise in decibels: 10 · log10(Σ float² / Σ (float - int8)²). */
export async function sqnrDb(float: Tensor, int8: Tensor): Promise<number> {
  const [reference, quantized] = [await float.data(), await int8.data()];
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < reference.length; i++) {
    signal += reference[i] ** 2;
    noise += (reference[i] - quantized[i]) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
