// The one program of the page's workers: one of them reads, another one trains, and the page never waits.
import * as Comlink from 'comlink';
import { reader } from './reader';
import { trainer } from './trainer';

const api = { ...reader, ...trainer };

export type Api = typeof api;

Comlink.expose(api);
