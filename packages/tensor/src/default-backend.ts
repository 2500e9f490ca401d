/** Makes the reference the backend of programs that set none. */
import { referenceBackend } from '@octet/backend-js-reference';
import { setDefaultBackend } from './current-backend';

setDefaultBackend(referenceBackend);
