import { mount } from '@octet/web/shell';
import './style.css';
import { keepForOffline } from '@octet/web/offline-ready';
import { App } from './ui/app';

mount(<App />);
await keepForOffline();
