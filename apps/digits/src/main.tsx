import '@octet/web/theme.css';
import './style.css';
import { render } from 'preact';
import { start } from './reader';
import { App, offlineReady } from './ui/app';

const root = document.querySelector('#app');
if (root) render(<App />, root);
void start();

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  await navigator.serviceWorker.register('./sw.js');
  await navigator.serviceWorker.ready;
  offlineReady.value = true;
}
