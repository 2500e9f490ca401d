import { signal } from '@preact/signals';

const isReady = signal(false);

/** Registers the service worker of `offline`, in a built page: from then on the page works without a network. */
export async function keepForOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register('./sw.js');
  await navigator.serviceWorker.ready;
  isReady.value = true;
}

/** Says that the page works offline, or what of it, once it does. */
export function OfflineReady({ what = 'it works offline' }: { what?: string }) {
  return isReady.value ? <span data-testid="offline">Saved on this device: {what}. </span> : null;
}
