// Peer: Socket.IO 4 on Node.js with the handlers that the load client exercises.
import { createServer } from "node:http";
import process from "node:process";
import { jwtVerify } from "jose";
import { Server } from "socket.io";

const secret = await crypto.subtle.importKey(
  "raw",
  new TextEncoder().encode(process.env.JWT_SECRET),
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["verify"],
);
const sessions = new Map(), lastActive = new Map();
const http = createServer((_request, response) => response.end("ok"));
const io = new Server(http, {
  path: "/ws/socket.io/",
  transports: ["websocket", "polling"],
});

io.use(async (socket, next) => {
  try {
    const { payload } = await jwtVerify(socket.handshake.auth.token, secret, {
      algorithms: ["HS256"],
    });
    const { id, name, email, role } = payload;
    socket.data.user = { id, name, email, role };
    next();
  } catch (error) {
    next(error);
  }
});
io.on("connection", (socket) => {
  const { user } = socket.data;
  sessions.set(socket.id, user);
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
    if (!socket.rooms.has(`channel:${event.channel_id}`)) return;
    io.to(`channel:${event.channel_id}`).emit("events:channel", {
      ...event,
      user: { id: user.id, name: user.name },
    });
  });
  socket.on("disconnect", () => sessions.delete(socket.id));
});
http.listen(Number(process.env.PORT), "127.0.0.1");
