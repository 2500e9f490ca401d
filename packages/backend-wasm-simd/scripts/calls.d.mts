/** The text of each file of assembly/, by its name. */
type Sources = Readonly<Record<string, string>>;

/** The functions that an index (index.ts) exports and that do units of work, with their arguments before begin, end and thread. */
export declare function readFunctions(
  sources: Sources,
  index?: string,
): { name: string; doc: string; args: { name: string; type: string }[] }[];
/** The text of src/generated/exports.ts. */
export declare function callsText(sources: Sources): string;
/** The text of src/generated/constants.ts. */
export declare function constantsText(source: string): string;
/** The names of all functions that an index of assembly/ exports. */
export declare function exportedNames(sources: Sources, index: string): string[];
/** The text of src/generated/NAME/exports.ts, for an entry that has the functions of an index. */
export declare function partText(sources: Sources, index: string): string;
