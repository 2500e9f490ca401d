import { choices } from '@octet/web/choices';
import { backend } from '../session';

/** What runs the models, and what it found: on one thread, why. */
export function RunsOn() {
  const now = backend.value;
  if (!now) return null;
  const isSlow = now.name !== 'wasm' || !crossOriginIsolated;
  return (
    <p class={isSlow ? 'note small' : 'muted small'}>
      Runs on {choices[now.name].label} ({now.details}).
    </p>
  );
}
