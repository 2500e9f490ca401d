import type { AnyModule, StateDict } from '@octet/nn';

/** What functions that make a model take beside its options. */
export interface Pretrained {
  /** The weights; nothing is downloaded. */
  pretrained?: StateDict;
}

/** The model with these weights in it, if there are any. @throws ModuleError if they don't fit */
export function withWeights<M extends AnyModule>(model: M, pretrained: StateDict | undefined): M {
  if (pretrained) model.loadStateDict(pretrained);
  return model;
}
