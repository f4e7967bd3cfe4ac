/** Users of a test: a token, a plain Socket.IO client that joined everything of theirs, and the HTTP endpoints. */
import { type Api, apiClient } from "./api.ts";
import { connect, type ForeignClient, foreignClient } from "./foreign_client.ts";
import { testToken } from "./tokens.ts";

/** A connected user. Disposing it disconnects. */
export interface Person extends AsyncDisposable {
  readonly id: string;
  readonly sid: string;
  readonly client: ForeignClient;
  readonly api: Api;
  /** Every event that came, in order: its name and its payload. */
  readonly heard: [event: string, payload: unknown][];
}

/** Connects the user `id`, whose name is the id with a capital, to the server at `url`. */
export async function person(
  url: string,
  id: string,
  { role = "user", auth, ...options }: { role?: string; auth?: object; transports?: string[] } = {},
): Promise<Person> {
  const name = id[0]!.toUpperCase() + id.slice(1);
  const token = await testToken({ claims: { sub: id, name, role } });
  const client = foreignClient(url, { auth: { token, ...auth }, ...options });
  const heard: [string, unknown][] = [];
  client.socket.onAny((event, payload) => heard.push([event, payload]));
  const { sid } = await connect(client);
  const { ok, error } = await client.ask("user-join", { auth: { token } });
  if (!ok) throw new Error(`Cannot join as ${id}: ${error?.message}`);
  return {
    ...{ id, client, heard, sid: String(sid), api: apiClient(url, token) },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
