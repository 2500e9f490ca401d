import { modules } from '@octet/build/tsup';
import { defineConfig } from 'tsup';

export default defineConfig(modules(['index', 'modules', 'graph/index']));
