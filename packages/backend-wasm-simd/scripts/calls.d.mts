/** The text of each file of assembly/, by its name. */
type Sources = Readonly<Record<string, string>>;

/** The functions that do units of work, with their arguments before begin, end and thread. */
export declare function readFunctions(
  sources: Sources,
): { name: string; doc: string; args: { name: string; type: string }[] }[];
/** The text of src/generated/exports.ts. */
export declare function callsText(sources: Sources): string;
/** The text of src/generated/constants.ts. */
export declare function constantsText(source: string): string;
