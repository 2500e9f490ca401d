import { mount } from '@octet/web/shell';
import './style.css';
import { keepForOffline } from '@octet/web/offline-ready';
import { openLinked, take } from './session';
import { App } from './ui/app';

mount(<App />);
void openLinked();

// Files may be dropped anywhere.
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  void take([...(event.dataTransfer?.files ?? [])]);
});

await keepForOffline();
