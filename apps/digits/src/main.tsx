import { mount } from '@octet/web/shell';
import './style.css';
import { keepForOffline } from '@octet/web/offline-ready';
import { start } from './reader';
import { App } from './ui/app';

mount(<App />);
void start();

await keepForOffline();
