/** The engine under Socket.IO with the handlers that the load client exercises, and nothing else of the app. */
import { jwtVerify } from "jose";
import { Server } from "socket.io";
import { createEngine } from "../lib/engine/mod.ts";
import { Decoder, Encoder } from "../lib/eventlog/packet_codec.ts";

const secret = new TextEncoder().encode(Deno.env.get("JWT_SECRET"));
const engine = createEngine({ path: "/ws/socket.io/" });
const io = new Server({ parser: { Encoder, Decoder } });
io.bind(engine);
const lastActive = new Map<string, number>();

io.use(async (socket, next) => {
  const { payload } = await jwtVerify(socket.handshake.auth.token, secret, { algorithms: ["HS256"] });
  socket.data.user = { id: payload.id, name: payload.name };
  next();
});
io.on("connection", (socket) => {
  const { user } = socket.data;
  socket.join(`user:${user.id}`);
  socket.on("user-join", async ({ auth }, ack) => {
    await jwtVerify(auth.token, secret, { algorithms: ["HS256"] });
    socket.join("channel:general");
    ack({ id: user.id, name: user.name });
  });
  socket.on("heartbeat", (_data, ack) => {
    lastActive.set(user.id, Date.now());
    ack?.();
  });
  socket.on("events:channel", (event) => {
    const room = `channel:${event.channel_id}`;
    if (socket.rooms.has(room)) io.to(room).emit("events:channel", { ...event, user });
  });
});
Deno.serve(
  { port: Number(Deno.env.get("PORT")), hostname: "127.0.0.1", onListen() {} },
  engine.handle.bind(engine),
);
