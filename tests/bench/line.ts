/** A session by hand, for benches that need thousands: a client library would cost more than the server does. */
import { testToken } from "../support/tokens.ts";

/** An open session. */
export interface Line {
  /** Gets each event frame. */
  onEvent: (frame: string) => void;
  /** Emits and waits for the acknowledgement. */
  ask(event: string, payload: unknown): Promise<Record<string, unknown>>;
}

/** Opens a session of the user `name`. */
export async function openLine(url: string, name: string): Promise<Line> {
  const token = await testToken({ claims: { sub: name, name } });
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/socket.io/?EIO=4&transport=websocket`);
  const asked = new Map<number, (answer: Record<string, unknown>) => void>();
  let lastAsk = 0;
  const line: Line = {
    onEvent() {},
    ask(event, payload) {
      return new Promise((resolve) => {
        asked.set(++lastAsk, resolve);
        socket.send(`42${lastAsk}${JSON.stringify([event, payload])}`);
      });
    },
  };
  return await new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error("Cannot connect"));
    socket.onmessage = ({ data: frame }: MessageEvent<string>) => {
      if (frame.startsWith("42")) line.onEvent(frame);
      else if (frame.startsWith("43")) {
        const bracket = frame.indexOf("["), id = Number(frame.slice(2, bracket));
        asked.get(id)?.(JSON.parse(frame.slice(bracket))[0]);
        asked.delete(id);
      } else if (frame[0] === "0") socket.send(`40${JSON.stringify({ token, protocol: 1 })}`);
      else if (frame[0] === "2") socket.send("3");
      else if (frame.startsWith("40")) resolve(line);
      else if (frame.startsWith("44")) reject(new Error(frame));
    };
  });
}

/** Opens sessions of the users `prefix0`, `prefix1`, …, some at a time. */
export async function openLines(url: string, prefix: string, count: number): Promise<Line[]> {
  const lines: Line[] = [];
  while (lines.length < count) {
    const size = Math.min(50, count - lines.length);
    lines.push(
      ...await Promise.all(
        Array.from({ length: size }, (_, n) => openLine(url, `${prefix}${lines.length + n}`)),
      ),
    );
  }
  return lines;
}
