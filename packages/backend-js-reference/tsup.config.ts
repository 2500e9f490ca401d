import { library } from '@octet/build/tsup';
import { defineConfig } from 'tsup';

export default defineConfig(library());
