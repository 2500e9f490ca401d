import { type BagMode, EmbeddingBag } from '@octet/nn';
import { grad, type Tensor } from '@octet/tensor';
import type { Handler } from '../golden-case';

/** `y` and the gradient of the weight. */
export const embeddingBag: Handler<{ mode: BagMode; last: boolean }> = (c) => {
  const { mode, last } = c.params;
  const [rows, columns] = c.tensor('weight').shape;
  const bag = new EmbeddingBag(rows, columns, { mode, includeLastOffset: last });
  bag.loadStateDict({ weight: c.tensor('weight') });
  const y = bag.call(c.tensor('index'), c.optional('offsets'), c.optional('per_sample_weights'));
  const [gradWeight] = grad(y, [bag.weight], { gradOutputs: [c.tensor('grad_out')] });
  return { y, grad_weight: gradWeight as Tensor };
};
