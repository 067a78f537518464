// One Socket.IO process of a cluster. PORT and HOST say where it listens, REDIS_URL which Redis carries messages to the others,
// NAME what it calls itself.
import { createServer } from "node:http";
import { hostname } from "node:os";
import { createClient } from "@redis/client";
import { createAdapter } from "@socket.io/redis-adapter";
import { Server } from "socket.io";

const { PORT = "8000", HOST = "0.0.0.0", REDIS_URL = "redis://127.0.0.1:6379", NAME = hostname() } = process.env;

const page = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Socket.IO behind Tidegate</title>
  <link rel="icon" href="data:,">
</head>
<body>
  <p>You are on <output id="name">nobody</output>. Open this page twice: both see what either says.</p>
  <form id="form"><input id="text" aria-label="Message" autocomplete="off"><button>Say</button></form>
  <ul id="messages"></ul>
  <script src="/socket.io/socket.io.js"></script>
  <script>
    // Long-polling would spread the requests of one client over all processes.
    const socket = io({ transports: ["websocket"] });
    const element = (id) => document.getElementById(id);
    socket.on("hello", ({ name }) => { element("name").textContent = name; });
    socket.on("message", ({ text, name }) => {
      element("messages").appendChild(document.createElement("li")).textContent = name + ": " + text;
    });
    element("form").addEventListener("submit", (event) => {
      event.preventDefault();
      socket.emit("message", element("text").value);
      element("text").value = "";
    });
  </script>
</body>
</html>
`;

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const publisher = createClient({ url: REDIS_URL });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) {
  // Without a listener, a Redis that goes away would end the process; with one, the client connects again.
  client.on("error", ({ message }) => console.error(`redis: ${message}`));
}
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer((request, response) => {
  if (request.url === "/") {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
  } else {
    response.writeHead(404).end();
  }
});
const io = new Server(http, { adapter: createAdapter(publisher, subscriber) });

io.on("connection", (socket) => {
  socket.emit("hello", { name: NAME });
  // To everybody, on whichever process: that is what the adapter is for.
  socket.on("message", (text) => io.emit("message", { text, name: NAME }));
});

http.listen({ port: Number(PORT), host: HOST }, () => say({ event: "listening", port: http.address().port, name: NAME }));

process.once("SIGTERM", () => {
  io.close(() => process.exit(0));
  // A client that never answers must not hold the process.
  setTimeout(() => process.exit(0), 5000);
});
