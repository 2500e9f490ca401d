import '@octet/web/theme.css';
import './style.css';
import { keepForOffline } from '@octet/web/offline-ready';
import { render } from 'preact';
import { openLinked, take } from './session';
import { App } from './ui/app';

const root = document.querySelector('#app');
if (root) render(<App />, root);
void openLinked();

// Files may be dropped anywhere.
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  void take([...(event.dataTransfer?.files ?? [])]);
});

await keepForOffline();
