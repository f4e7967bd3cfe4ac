/** Whose request it is, as far as the network tells. */
import type { Context } from "fresh";

type Asked = Pick<Context<unknown>, "req" | "config" | "info">;

/** The client's IP address, behind a proxy that is trusted the one that it saw; `""` when there is none. */
export function clientAddress({ req, config, info: { remoteAddr } }: Asked): string {
  const forwarded = config.trustProxy
    ? req.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim()
    : undefined;
  return forwarded || ("hostname" in remoteAddr ? remoteAddr.hostname : "");
}
