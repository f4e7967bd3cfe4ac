/** Serves a handler with Deno: on the port that was asked for, else on the first free one from 8000. */

export type ListenOptions =
  & Partial<Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem>
  & { remoteAddress?: string };

type Handler = (request: Request, info?: Deno.ServeHandlerInfo) => Promise<Response>;

/** Resolves once the server listens. It serves until `options.signal` aborts. */
export async function serve(
  handler: Handler,
  { options, basePath }: { options: ListenOptions; basePath: string },
): Promise<void> {
  const scheme = options.cert === undefined ? "http" : "https";
  const onListen = options.onListen ?? (({ hostname, port }: Deno.NetAddr) => {
    const host = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname;
    console.log(`Listening on ${scheme}://${host}:${port}${basePath}/`);
  });

  if (options.port !== undefined) {
    await Deno.serve({ ...options, onListen }, handler);
    return;
  }
  for (let port = 8000;; port++) {
    try {
      await Deno.serve({ ...options, onListen, port }, handler);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || port === 8019) {
        throw error;
      }
    }
  }
}
