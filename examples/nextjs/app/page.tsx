import { Scores } from './scores';

export default function Page() {
  return (
    <main>
      <h1>An int8 network in the browser</h1>
      <Scores seed={1} />
      <p>
        The same on the server: <a href="/api/scores?seed=1">/api/scores?seed=1</a>
      </p>
    </main>
  );
}
