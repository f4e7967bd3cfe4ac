/**
 * Gives up the connection of a session whose client is back already, on this node or another, and makes a new
 * connection the session's. A connection that died without a word looks alive until its pings fail.
 */
import type { RecoverableSession, Recovery, Restored, Start } from "../eventlog/recovery.ts";
import type { TetherSocket } from "./types.ts";

/** The connections of this node by the secret with which their sessions are asked for. */
export interface Takeover {
  add(socket: TetherSocket): void;
  delete(socket: TetherSocket): void;
}

/** What Socket.IO knows of a socket before it is open, by its id. */
interface Connecting {
  _preConnectSockets: Map<string, TetherSocket>;
}

/** Starts to answer for the connections of this node. */
export function createTakeover(recovery: Recovery): Takeover {
  const sockets = new Map<string, TetherSocket>();
  recovery.onWanted((pid: string, start: Start | undefined) => {
    const socket = sockets.get(pid);
    // who asks for it as it was before may have waited for so long that its client has come back here
    if (start !== undefined && socket?.data.start?.at !== start.at) return;
    // closed as a lost one is, so that what it knows is kept for the client
    socket?.conn.close(true);
  });
  return {
    add: (socket) => void sockets.set(privateIdOf(socket), socket),
    delete: (socket) => void sockets.delete(privateIdOf(socket)),
  };
}

/** Makes a connection that is not open yet that of a session that was taken up. */
export function takeUp(socket: TetherSocket, { sid, pid, data }: Restored): void {
  const { _preConnectSockets: connecting } = socket.nsp as unknown as Connecting;
  connecting.delete(socket.id);
  Object.assign(socket, { id: sid, pid, data, recovered: true });
  connecting.set(sid, socket);
}

/** What is to be kept of the session on `socket`, for when its client comes back. */
export function sessionOf(socket: TetherSocket): RecoverableSession {
  return { sid: socket.id, pid: privateIdOf(socket), rooms: [...socket.rooms], data: socket.data };
}

/** The secret that the client of a socket was given. */
export function privateIdOf(socket: TetherSocket): string {
  return (socket as unknown as { pid: string }).pid;
}
