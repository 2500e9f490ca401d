/** A chart of `@octet/report`, which escapes what it is given: no other HTML may go in. */
export function Chart({ svg }: { svg: string }) {
  return <div dangerouslySetInnerHTML={{ __html: svg }} />;
}
