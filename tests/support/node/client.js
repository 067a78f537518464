// Socket.IO clients: node client.js --url http://127.0.0.1:8000 [--transport websocket|polling|both] [--count N]
// [--echo-interval MS]. Events go to stdout and commands come from stdin, one JSON object per line:
// {"do":"echo","payload":...}   {"do":"blob","bytes":1000000}   {"do":"say","client":0,"text":"hello"}   {"do":"close"}
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { io } from "socket.io-client";

const ACKNOWLEDGED_WITHIN_MS = 5000;
const TRANSPORTS = { websocket: ["websocket"], polling: ["polling"], both: ["polling", "websocket"] };

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    transport: { type: "string", default: "websocket" },
    count: { type: "string", default: "1" },
    "echo-interval": { type: "string" },
  },
});
const transports = TRANSPORTS[options.transport];
if (!options.url || !transports) {
  console.error("usage: node client.js --url URL [--transport websocket|polling|both] [--count N] [--echo-interval MS]");
  process.exit(2);
}

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

function connect(client) {
  // Without forceNew, all clients of one URL would share one connection.
  const socket = io(options.url, {
    forceNew: true,
    transports,
    reconnectionDelay: 100,
    reconnectionDelayMax: 1000,
  });
  // Every reconnection has a new engine, and each may upgrade.
  socket.io.on("open", () => {
    socket.io.engine.on("upgrade", ({ name }) => say({ event: "upgraded", client, transport: name }));
  });
  socket.on("hello", ({ name }) => {
    say({ event: "connected", client, backend: name, transport: socket.io.engine.transport.name });
  });
  socket.on("message", ({ text, name }) => say({ event: "message", client, text, backend: name }));
  socket.on("disconnect", (reason) => say({ event: "disconnected", client, reason }));
  socket.on("connect_error", ({ message }) => say({ event: "error", client, message }));
  return socket;
}

const sockets = Array.from({ length: Number(options.count) }, (_, client) => connect(client));

/** Emits to the server of every client; resolves to the answers, null for each that did not come. */
function askAll(event, payload) {
  return Promise.all(
    sockets.map((socket) => socket.timeout(ACKNOWLEDGED_WITHIN_MS).emitWithAck(event, payload).catch(() => null)),
  );
}

async function echo({ payload = null }) {
  const answers = await askAll("echo", payload);
  const good = answers.filter((answer) => answer && isDeepStrictEqual(answer.payload, payload));
  const backends = {};
  for (const { name } of good) backends[name] = (backends[name] ?? 0) + 1;
  say({ event: "echoed", ok: good.length, failed: answers.length - good.length, backends });
}

async function blob({ bytes }) {
  const sent = randomBytes(bytes);
  const answers = await askAll("blob", sent);
  const ok = answers.filter((answer) => answer && sent.equals(Buffer.from(answer))).length;
  say({ event: "blobbed", ok, failed: answers.length - ok });
}

const interval = Number(options["echo-interval"] ?? 0);
const timer = interval && setInterval(() => echo({ payload: Date.now() }), interval);

/** Lets one client say something to everybody, where the server passes messages on. */
function sayToAll({ client, text }) {
  sockets[client].emit("message", text);
}

const commands = { echo, blob, say: sayToAll };
const lines = createInterface({ input: process.stdin });

function close() {
  clearInterval(timer);
  lines.close();
  for (const socket of sockets) socket.disconnect();
  process.stdin.destroy();
  // The process ends by itself once the goodbyes are written; a peer that does not read them gets a second.
  setTimeout(() => process.exit(0), 1000).unref();
}
process.once("SIGTERM", close);

for await (const line of lines) {
  if (!line.trim()) continue;
  const command = JSON.parse(line);
  if (command.do === "close") break;
  if (!Object.hasOwn(commands, command.do)) throw new Error(`unknown command: ${line}`);
  await commands[command.do](command);
}
close();
