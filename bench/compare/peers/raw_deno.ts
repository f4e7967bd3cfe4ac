// The limit: Deno's own WebSocket with the frames answered by hand and no protocol layer, no verification, no rooms.
const sockets = new Set<WebSocket>();
const open = '0{"sid":"raw","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';
Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen() {},
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request, {
    idleTimeout: 0,
  });
  socket.onopen = () => {
    sockets.add(socket);
    socket.send(open);
  };
  socket.onmessage = ({ data }) => {
    const frame = data as string;
    if (frame.startsWith("40")) return socket.send('40{"sid":"raw"}');
    if (!frame.startsWith("42")) return;
    const bracket = frame.indexOf("[");
    const [name, payload] = JSON.parse(frame.slice(bracket));
    if (bracket > 2) return socket.send(`43${frame.slice(2, bracket)}[{}]`);
    const relay = `42${JSON.stringify([name, payload])}`;
    for (const member of sockets) member.send(relay);
  };
  socket.onclose = () => sockets.delete(socket);
  return response;
});
