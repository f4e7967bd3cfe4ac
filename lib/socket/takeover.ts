/**
 * Gives up the connection of a session whose client is back already, on this node or another: a connection that died
 * without a word looks alive until its pings fail.
 */
import type { Bus } from "../eventlog/node_bus.ts";
import { createRateLimit } from "./rate_limit.ts";
import type { TetherSocket } from "./types.ts";
import type { Recovery, SocketSession } from "../eventlog/recovery.ts";

const TOPIC = "handover";
// anybody can ask for a session that is not there, before a token is looked at
const MAX_PER_SECOND = 100;

/** The connections of this node by the secret with which their sessions are asked for. */
export interface Takeover {
  add(socket: TetherSocket): void;
  delete(socket: TetherSocket): void;
}

/** Starts to answer for the connections of this node. */
export function createTakeover({ bus, recovery }: { bus: Bus; recovery: Recovery }): Takeover {
  const sockets = new Map<string, TetherSocket>();
  const limit = createRateLimit({ perSecond: MAX_PER_SECOND });

  function release(pid: unknown): boolean {
    const socket = sockets.get(pid as string);
    // closed as a lost one is, so that what it knows is kept for the client
    socket?.conn.close(true);
    return socket !== undefined;
  }

  bus.on(TOPIC, release);
  recovery.onMissing((pid) => {
    if (!release(pid) && limit.take() === 0) bus.publish(TOPIC, pid);
  });
  return {
    add: (socket) => void sockets.set(privateId(socket), socket),
    delete: (socket) => void sockets.delete(privateId(socket)),
  };
}

/** What is to be kept of the session on `socket`, for when its client comes back. */
export function sessionOf(socket: TetherSocket): SocketSession {
  return { sid: socket.id, pid: privateId(socket), rooms: [...socket.rooms], data: socket.data };
}

function privateId(socket: TetherSocket): string {
  return (socket as unknown as { pid: string }).pid;
}
