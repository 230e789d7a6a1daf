// Makes requests with @nats-io/transport-node and prints what its users see of the answers, as JSON.
//
//     call.js URL '[{"subject": …, "codec": "json" | "msgpack" | "raw", "value": …, "headers": {…}}, …]'
//
// {"hex": "…"} stands for bytes, which JSON does not have.

const { connect, headers } = require("@nats-io/transport-node");
const { ServiceError } = require("@nats-io/services");
const msgpack = require("@msgpack/msgpack");

const CODECS = {
  json: { encode: (value) => JSON.stringify(value), decode: (answer) => answer.json() },
  msgpack: { encode: (value) => msgpack.encode(value), decode: (answer) => msgpack.decode(answer.data) },
  raw: { encode: (value) => value, decode: (answer) => answer.json() },
};

function readBytes(_key, value) {
  return typeof value?.hex === "string" ? Buffer.from(value.hex, "hex") : value;
}

function withBytes(value) {
  return value instanceof Uint8Array ? { hex: Buffer.from(value).toString("hex") } : value;
}

async function call(nc, request) {
  const codec = CODECS[request.codec];
  const options = { timeout: 20_000 };
  if (request.headers) {
    options.headers = headers();
    Object.entries(request.headers).forEach(([name, value]) => options.headers.set(name, value));
  }
  let answer;
  try {
    answer = await nc.request(request.subject, codec.encode(request.value), options);
  } catch (error) {
    if (error.isNoResponders?.()) {
      return { failed: "no responders" };
    }
    throw error;
  }
  const found = {};
  for (const [name, [value]] of answer.headers ?? []) {
    found[name] = value;
  }
  let error = null;
  if (ServiceError.isServiceError(answer)) {
    const { code, message } = ServiceError.toServiceError(answer);
    error = { code, text: message };
  }
  const value = answer.data.length ? withBytes(codec.decode(answer)) : null;
  return { value, headers: found, error };
}

async function main() {
  const [url, requests] = process.argv.slice(2);
  const nc = await connect({ servers: url });
  const answers = [];
  for (const request of JSON.parse(requests, readBytes)) {
    answers.push(await call(nc, request));
  }
  console.log(JSON.stringify(answers));
  await nc.close();
}

setTimeout(() => process.exit(3), 60_000).unref();
main();
