import '@octet/web/theme.css';
import './style.css';
import { keepForOffline } from '@octet/web/offline-ready';
import { render } from 'preact';
import { start } from './reader';
import { App } from './ui/app';

const root = document.querySelector('#app');
if (root) render(<App />, root);
void start();

await keepForOffline();
