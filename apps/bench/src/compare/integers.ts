import type { AnyModule } from '@octet/nn';
import { noGrad, Tensor } from '@octet/tensor';
import { layersOf } from '../layers';
import type { Agreement } from './report';

/** What each layer of an int8 network gave out, in the order of the calls. */
export type Integers = { layer: string; checksum: string }[];

/** Runs an int8 network once, and takes checksums of the integers that its layers give out. */
export async function integersOf(int8: AnyModule, inputs: readonly Tensor[]): Promise<Integers> {
  const outputs: { layer: string; output: Tensor }[] = [];
  const handles = layersOf(int8).map(([layer, module]) =>
    module.registerForwardHook((_, __, output) => {
      if (output instanceof Tensor && output.qparams) outputs.push({ layer, output });
    }),
  );
  try {
    noGrad(() => int8.call(...inputs));
  } finally {
    for (const handle of handles) handle.remove();
  }
  const integers: Integers = [];
  for (const { layer, output } of outputs)
    integers.push({ layer, checksum: fnv1a(await output.intRepr().data()) });
  return integers;
}

/** Holds all backends against the reference (`js`), or against the first. */
export function agreementOf(integers: ReadonlyMap<string, Integers>): Agreement | null {
  const [first] = integers.keys();
  const against = integers.has('js') ? 'js' : first;
  if (against === undefined) return null;
  const expected = integers.get(against) as Integers;
  const differ = [...integers].flatMap(([backend, found]) => {
    const at = expected.find(({ checksum }, i) => found[i]?.checksum !== checksum);
    return at ? [{ backend, layer: at.layer }] : [];
  });
  return { against, same: differ.length === 0, differ };
}

/** The hash of Fowler, Noll and Vo, with 32 bits. */
function fnv1a(bytes: ArrayLike<number>): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] & 0xff), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
