import type { AnyModule } from '@octet/nn';
import {
  disableFakeQuant,
  disableObserver,
  enableFakeQuant,
  enableObserver,
  freezeBnStats,
  updateBnStats,
} from '@octet/quantization';

/** What a training script switches between steps, by PyTorch's names. */
const switches = {
  enable_observer: enableObserver,
  disable_observer: disableObserver,
  enable_fake_quant: enableFakeQuant,
  disable_fake_quant: disableFakeQuant,
  freeze_bn_stats: freezeBnStats,
  update_bn_stats: updateBnStats,
};

/** The switches thrown before a step, by its number. */
export type Events = Readonly<Record<string, readonly (keyof typeof switches)[]>>;

export function runEvents(events: Events, step: number, model: AnyModule): void {
  for (const name of events[step] ?? []) model.apply(switches[name]);
}
