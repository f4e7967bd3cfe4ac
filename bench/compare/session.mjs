// A client's session, by hand: raw Engine.IO 4 and Socket.IO 5 over WebSocket cost far less CPU than the server does.
import WebSocket from "ws";

const OPEN_TIMEOUT_MS = 20_000;

/** Opens one: upgrade, CONNECT with the token, then `user-join` acknowledged. What comes later goes to `onframe`. */
export function openSession(port, token) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(
      `ws://127.0.0.1:${port}/ws/socket.io/?EIO=4&transport=websocket`,
      {
        perMessageDeflate: false,
      },
    );
    const timer = setTimeout(
      () => reject(new Error("no session within 20 s")),
      OPEN_TIMEOUT_MS,
    );
    ws.once("error", reject);
    ws.on("message", (raw) => {
      const frame = raw.toString();
      if (frame === "2") return ws.send("3");
      if (frame[0] === "0") return ws.send(`40${JSON.stringify({ token })}`);
      if (frame.startsWith("44")) return reject(new Error(`refused: ${frame}`));
      if (frame.startsWith("40")) {
        return ws.send(
          `420["user-join",${JSON.stringify({ auth: { token } })}]`,
        );
      }
      if (frame.startsWith("430")) {
        clearTimeout(timer);
        return resolve(ws);
      }
      ws.onframe?.(frame);
    });
  });
}

/** Opens one session a token, `concurrency` at a time. */
export async function openSessions(port, tokens, concurrency) {
  const open = [];
  for (let i = 0; i < tokens.length; i += concurrency) {
    open.push(
      ...await Promise.all(
        tokens.slice(i, i + concurrency).map((token) => openSession(port, token)),
      ),
    );
  }
  return open;
}

/** The frame that says who is typing in `general`; `mark` travels as the message's id, which every server relays. */
export function typing(mark) {
  const data = { type: "typing", data: { typing: true } };
  return `42${
    JSON.stringify(["events:channel", {
      channel_id: "general",
      message_id: mark,
      data,
    }])
  }`;
}
