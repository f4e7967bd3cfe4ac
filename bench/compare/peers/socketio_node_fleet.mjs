// Peer: Socket.IO 4 on Node.js in a fleet, with the adapter that ADAPTER names: `streams` or `pubsub`.
import { createServer } from "node:http";
import process from "node:process";
import { createAdapter as createPubSub } from "@socket.io/redis-adapter";
import { createAdapter as createStreams } from "@socket.io/redis-streams-adapter";
import { jwtVerify } from "jose";
import { createClient } from "redis";
import { Server } from "socket.io";

const secret = new TextEncoder().encode(process.env.JWT_SECRET);
const client = await createClient({ url: process.env.REDIS_URL }).connect();
const adapter = process.env.ADAPTER === "streams"
  ? createStreams(client)
  : createPubSub(client, await client.duplicate().connect());
const http = createServer((_request, response) => response.end("ok"));
const io = new Server(http, {
  path: "/ws/socket.io/",
  transports: ["websocket", "polling"],
  adapter,
});
io.use(async (socket, next) => {
  try {
    socket.data.user = (await jwtVerify(socket.handshake.auth.token, secret, {
      algorithms: ["HS256"],
    })).payload;
    next();
  } catch (error) {
    next(error);
  }
});
io.on("connection", (socket) => {
  const { user } = socket.data;
  socket.on("user-join", (_payload, ack) => {
    socket.join("channel:general");
    ack({ id: user.id });
  });
  socket.on("events:channel", (event) => {
    socket.to(`channel:${event.channel_id}`).emit("events:channel", {
      ...event,
      user: { id: user.id, name: user.name },
    });
  });
});
http.listen(Number(process.env.PORT), "127.0.0.1");
