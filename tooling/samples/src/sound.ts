import { parseWav } from '@octet/data';
import { fromData, type Tensor } from '@octet/tensor';
import { SampleError } from './errors';
import { type InputInfo, shapeText } from './input';

/** A sound, its channels averaged, in pieces as long as the input says, or whole. The last piece is left out if it is shorter. */
export function soundTensors(file: string, bytes: Uint8Array, input: InputInfo): Tensor[] {
  const { channels } = parseWav(bytes);
  const [first] = channels;
  const mono = first.map((_, i) => channels.reduce((sum, c) => sum + c[i], 0) / channels.length);
  const { shape } = input;
  const outer = shape?.slice(0, -1) ?? [];
  if (!shape || shape.length === 0 || outer.some((size) => typeof size === 'number' && size !== 1)) {
    throw new SampleError({
      op: 'octet',
      expected: 'a model whose input is a sound: [n], [1, n] or [1, 1, n]',
      found: `'${input.name}' ${shapeText(input)}`,
      fix: 'Give the data as .npy, .npz or .safetensors.',
    });
  }
  const last = shape[shape.length - 1];
  const length = typeof last === 'number' ? last : mono.length;
  const pieces: Tensor[] = [];
  for (let at = 0; at + length <= mono.length; at += length)
    pieces.push(fromData(mono.slice(at, at + length), [...outer.map(() => 1), length]));
  if (pieces.length > 0) return pieces;
  throw new SampleError({
    op: 'octet',
    expected: `'${file}' to have ${length} samples or more`,
    found: String(mono.length),
    fix: 'Remove the file from the folder.',
  });
}
