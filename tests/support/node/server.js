// A Socket.IO 4 backend: node server.js --port 8001 [--host 127.0.0.1] [--name NAME]
// Says on stdout, one JSON object per line, where it listens and who connects and disconnects.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";

const { values: options } = parseArgs({
  options: {
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    name: { type: "string" },
  },
});
if (!/^\d+$/.test(options.port ?? "")) {
  console.error("usage: node server.js --port PORT [--host ADDRESS] [--name NAME]   (port 0: any free port)");
  process.exit(2);
}

const page = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Socket.IO through Tidegate</title>
  <link rel="icon" href="data:,">
</head>
<body>
  <p>Connection: <output id="connection">disconnected</output></p>
  <p>Backend: <output id="backend"></output></p>
  <p>Transport: <output id="transport"></output></p>
  <script src="/socket.io/socket.io.js"></script>
  <script>
    const show = (id, text) => { document.getElementById(id).textContent = text; };
    const transport = new URLSearchParams(location.search).get("transport");
    const socket = io(transport ? { transports: [transport] } : {});

    // Every reconnection has a new engine, and each may upgrade.
    socket.io.on("open", () => {
      socket.io.engine.on("upgrade", ({ name }) => show("transport", name));
    });
    // "connected" comes last, so that whoever waits for it finds the other two filled in.
    socket.on("hello", ({ name }) => {
      show("backend", name);
      show("transport", socket.io.engine.transport.name);
      show("connection", "connected");
    });
    socket.on("disconnect", () => {
      show("connection", "disconnected");
      show("backend", "");
      show("transport", "");
    });
  </script>
</body>
</html>
`;

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const http = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://backend");
  if (pathname === "/healthz") {
    response.writeHead(200, { "Content-Type": "text/plain" }).end("ok");
  } else if (pathname === "/") {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" }).end(page);
  } else {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found");
  }
});

// The default limit of 1 MB refuses a blob of 1 MB over long-polling, where it travels as base64.
const io = new Server(http, { maxHttpBufferSize: 100e6 });
let name = options.name;

io.on("connection", (socket) => {
  say({ event: "connection", id: socket.id, transport: socket.conn.transport.name });
  socket.on("disconnect", (reason) => {
    say({ event: "disconnection", id: socket.id, transport: socket.conn.transport.name, reason });
  });
  socket.on("echo", (payload, acknowledge) => acknowledge({ payload, name }));
  socket.on("blob", (bytes, acknowledge) => acknowledge(bytes));
  socket.emit("hello", { name, pid: process.pid });
});

http.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
http.listen({ port: Number(options.port), host: options.host, backlog: 4096 }, () => {
  const { port } = http.address();
  name ??= `${options.host}:${port}`;
  say({ event: "listening", port, name, pid: process.pid });
});

process.once("SIGTERM", () => {
  io.close(() => process.exit(0));
  // A keep-alive connection, or a client that never answers the close frame, must not hold the process.
  setTimeout(() => process.exit(0), 200);
});
