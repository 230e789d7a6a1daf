// A service written with @nats-io/services. It stops at the first line that it reads, and ends with its standard input.
//
//     service.js URL

const readline = require("node:readline");
const { connect, headers } = require("@nats-io/transport-node");
const { ServiceError, Svcm } = require("@nats-io/services");
const msgpack = require("@msgpack/msgpack");

// Reads requests and writes answers in the codec that a request names, or else as JSON.
function endpoint(handle) {
  return (_error, request) => {
    const options = { headers: headers() };
    options.headers.set("answered-by", "javascript");
    if (request.headers?.get("Content-Type") === "application/msgpack") {
      request.respond(msgpack.encode(handle(msgpack.decode(request.data), request)), options);
    } else {
      request.respond(JSON.stringify(handle(request.json(), request)), options);
    }
  };
}

function hello({ name }) {
  if (name.startsWith("Godot")) {
    throw new ServiceError(404, `${name} is not in`);
  }
  return `Hello, ${name}!`;
}

const HANDLERS = {
  hello: endpoint(hello),
  add: endpoint(({ a, b }) => a + b),
  reverse: endpoint(({ bytes }) => bytes.slice().reverse()),
  shout: endpoint((text) => text.toUpperCase()),
  tenant: endpoint((_args, request) => request.headers.get("tenant") || null),
  fail: endpoint(() => {
    throw new Error("broken");
  }),
  refuse: (_error, request) => request.respondError(422, "not ours", '{"Absent":"Ann"}'),
  // Is never answered.
  wait: () => {},
};

async function main() {
  const nc = await connect({ servers: process.argv[2] });
  const service = await new Svcm(nc).add({
    name: "greeter",
    version: "1.2.3",
    description: "Greets.",
    metadata: { zone: "eu" },
  });
  const group = service.addGroup("greeter");
  for (const [name, handler] of Object.entries(HANDLERS)) {
    group.addEndpoint(name, handler);
  }
  await nc.flush();
  console.log(`serving as ${service.info().id}`);

  for await (const _line of readline.createInterface({ input: process.stdin })) {
    await service.stop();
    await nc.flush();
    console.log("stopped");
  }
  await nc.close();
}

setTimeout(() => process.exit(3), 60_000).unref();
main();
