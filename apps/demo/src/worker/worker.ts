import * as Comlink from 'comlink';
import { detector } from './detector';

Comlink.expose(detector);
