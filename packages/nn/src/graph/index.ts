/** Models as lists of nodes, for what makes and changes them: importers, exporters, quantization. */
export * from './graph-module';
export * from './host-tensor';
