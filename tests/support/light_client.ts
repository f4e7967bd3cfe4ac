/** Socket.IO connections that cost next to nothing, for tests that need a thousand: frames by hand on a WebSocket. */

/** A connected session. */
export interface LightClient {
  readonly sid: string;
  /** Resolves when the connection has ended, with the last `session:end` that came. */
  readonly ended: Promise<{ code: string } | undefined>;
  close(): Promise<void>;
}

/** Connects; rejects when the handshake is refused. */
export function lightClient(url: string, token: string): Promise<LightClient> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws/socket.io/?EIO=4&transport=websocket`);
    const ended = Promise.withResolvers<{ code: string } | undefined>();
    let reason: { code: string } | undefined;
    socket.onmessage = ({ data }) => {
      const frame = String(data);
      if (frame[0] === "0") socket.send(`40${JSON.stringify({ token, protocol: 1 })}`);
      else if (frame === "2") socket.send("3");
      else if (frame.startsWith("44")) reject(new Error(`Cannot connect: ${frame}`));
      else if (frame.startsWith('42["session:end"')) reason = JSON.parse(frame.slice(2))[1];
      else if (frame.startsWith('42["session:ready"')) {
        const { sid } = JSON.parse(frame.slice(2))[1];
        resolve({
          sid,
          ended: ended.promise,
          async close() {
            socket.close();
            await ended.promise;
          },
        });
      }
    };
    socket.onclose = () => {
      ended.resolve(reason);
      reject(new Error("Cannot connect: the connection was closed"));
    };
  });
}

/** Connects many, some at a time. */
export async function lightClients(
  count: number,
  connect: (index: number) => Promise<LightClient>,
): Promise<LightClient[]> {
  const clients: LightClient[] = [];
  for (let start = 0; start < count; start += 100) {
    const size = Math.min(100, count - start);
    clients.push(...await Promise.all(Array.from({ length: size }, (_, index) => connect(start + index))));
  }
  return clients;
}
