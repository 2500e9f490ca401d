import { run } from '../../../lib/model';

/** Runs the network on the server. */
export async function GET(request: Request): Promise<Response> {
  const seed = Number(new URL(request.url).searchParams.get('seed') ?? 1);
  return Response.json(await run(seed));
}
