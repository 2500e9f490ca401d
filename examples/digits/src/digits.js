import { parseSafetensors } from '@octet/formats';
import { planOf } from '@octet/graph';
import { Sequential } from '@octet/nn';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { Generator, rand, setBackend } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';

export const images = 64;

/**
 * The int8 network with the weights of a checkpoint.
 *
 * @param {Uint8Array} checkpoint
 */
export async function loadDigits(checkpoint) {
  const model = new DigitClassifier().eval();
  model.fuseModel();
  const prepared = prepare(model, getDefaultQConfigMapping());
  const int8 = await convert(prepared, { requireCalibration: false });
  await int8.loadStateDictAsync(parseSafetensors(checkpoint).toStateDict());
  return int8;
}

/**
 * Runs the network on a backend. Returns how long one pass over all images takes, and a checksum of the integers that
 * come out: it is the same on every backend.
 *
 * @param {Uint8Array} checkpoint
 * @param {import('@octet/backend').Backend} backend
 * @param {number} [runs]
 */
export async function measure(checkpoint, backend, runs = 20) {
  setBackend(backend);
  const model = await loadDigits(checkpoint);
  const x = rand([images, 1, 28, 28], { generator: new Generator(1) });
  // Without the last step, to floats.
  const plan = planOf(new Sequential(model.quant, model.layers).eval(), [x]);
  const once = () => plan.run(x).intRepr();

  const checksum = hash(await once().data());
  const times = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    once();
    await backend.sync?.(); // a GPU's work is only in a queue by now
    times.push(performance.now() - start);
  }
  return { checksum, milliseconds: times.sort((a, b) => a - b)[times.length >> 1] };
}

/**
 * FNV-1a.
 *
 * @param {ArrayLike<number>} bytes
 */
function hash(bytes) {
  let value = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) value = Math.imul(value ^ bytes[i], 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}
