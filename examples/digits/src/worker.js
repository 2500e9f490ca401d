// The worker of worker-page.js: all that it needs is here.
import { serveModels } from 'octet/worker';

serveModels();
