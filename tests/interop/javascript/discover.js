// Asks services what they are with the client of @nats-io/services, and prints its answers as JSON.
//
//     discover.js URL ANSWERS [NAME [ID]]
//
// It waits for so many answers to each question.

const { connect } = require("@nats-io/transport-node");
const { Svcm } = require("@nats-io/services");

async function collect(answers) {
  const all = [];
  for await (const answer of await answers) {
    all.push({ raw: answer, read: answer });
  }
  return all;
}

async function main() {
  const [url, answers, ...whom] = process.argv.slice(2);
  const nc = await connect({ servers: url });
  const services = new Svcm(nc).client({ strategy: "count", maxMessages: Number(answers), maxWait: 20_000 });
  console.log(JSON.stringify({
    PING: await collect(services.ping(...whom)),
    INFO: await collect(services.info(...whom)),
    STATS: await collect(services.stats(...whom)),
  }));
  await nc.close();
}

setTimeout(() => process.exit(3), 60_000).unref();
main();
