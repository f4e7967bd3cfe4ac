import type { ServerOptions } from "socket.io";

/** What Socket.IO takes for an adapter. */
export type AdapterConstructor = NonNullable<ServerOptions["adapter"]>;
