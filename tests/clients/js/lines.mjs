// What both SDKs' drivers share: one JSON document a line in each direction, bytes as {"$bytes": base64}.
// The form of a line is described in lines_boto3.py.

import dns from "node:dns";
import http from "node:http";
import readline from "node:readline";

/** Every name is this machine: no request leaves it. */
function resolveToLoopback() {
  dns.lookup = (host, options, done) => {
    const answer = typeof options === "function" ? options : done;
    if (typeof options === "object" && options.all) {
      answer(null, [{ address: "127.0.0.1", family: 4 }]);
    } else {
      answer(null, "127.0.0.1", 4);
    }
  };
}

function fromWire(value) {
  if (Array.isArray(value)) return value.map(fromWire);
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) return Buffer.from(value.$bytes, "base64");
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fromWire(inner)]));
}

function toWire(value) {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(toWire);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toWire(inner)]));
}

function say(document) {
  process.stdout.write(JSON.stringify(document) + "\n");
}

/** An agent that keeps connections: what a service's own client has. */
export const agent = new http.Agent({ keepAlive: true, maxSockets: 40 });

/**
 * Answers lines until standard input ends.
 * @param {string} protocol  json or query
 * @param {(options) => client} makeClient  from {endpoint, region, key}
 * @param {(client, operation, input) => Promise<{result}|{error}>} call
 */
export function serve(protocol, makeClient, call) {
  resolveToLoopback();
  const clients = new Map();
  const clientOf = (options) => {
    const key = JSON.stringify(options);
    if (!clients.has(key)) clients.set(key, makeClient(options));
    return clients.get(key);
  };
  say({ protocol });
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const asked = JSON.parse(line);
    let said;
    try {
      said = await call(clientOf(asked.client), asked.call, fromWire(asked.with));
    } catch (problem) {
      said = { broken: `${problem.name}: ${problem.message}` };
    }
    say({ id: asked.id, ...toWire(said) });
  });
  lines.on("close", () => process.exit(0));
}
