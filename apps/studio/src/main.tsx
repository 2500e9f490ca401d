import '@octet/web/theme.css';
import './style.css';
import { render } from 'preact';
import { take } from './session';
import { App, offlineReady } from './ui/app';

const root = document.querySelector('#app');
if (root) render(<App />, root);

// Files may be dropped anywhere.
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  void take([...(event.dataTransfer?.files ?? [])]);
});

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  await navigator.serviceWorker.register('./sw.js');
  await navigator.serviceWorker.ready;
  offlineReady.value = true;
}
