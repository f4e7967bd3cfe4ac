/** Clients that misbehave below HTTP: raw TCP connections that stop reading, stop answering, or never finish. */

const encoder = new TextEncoder();

/** A TCP connection that has sent `text`. */
export async function sendRaw(port: number, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(encoder.encode(text));
  return connection;
}

/** Reads until `marker` was seen or the connection ended; answers all that came. */
export async function readUntil(connection: Deno.TcpConn, marker: string): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (!text.includes(marker)) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

/** A WebSocket client that has read the handshake and from then on reads and answers nothing. */
export async function openDeafWebSocket(port: number, path: string): Promise<Deno.TcpConn> {
  const connection = await sendRaw(
    port,
    `GET ${path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await readUntil(connection, "maxPayload");
  return connection;
}
