// node recovers.mjs BOOTSTRAP HTTP_URL: an unmodified kafkajs producer with acks=all writes while
// the leader crashes and, later, while its link to a follower is cut, both over the HTTP API. Then
// everything is read over HTTP. Prints one line of JSON.

import { Kafka, Partitioners, logLevel } from "kafkajs";

const [bootstrap, url] = process.argv.slice(2);
const TOPIC = "orders";
const BATCH = 5;
const PHASE = 40; // batches that have to be acknowledged in each phase

async function ask(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(`${url}${path}`, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.error.name}`);
  return answer;
}

async function partition() {
  return (await ask("GET", `/v1/topics/${TOPIC}`)).partitions[0];
}

const kafka = new Kafka({
  clientId: "recovers",
  brokers: bootstrap.split(","),
  logLevel: logLevel.NOTHING,
  connectionTimeout: 1_000,
  requestTimeout: 3_000,
  retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 40 },
});
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();

const acknowledged = [];
let number = 0;

async function write(batches) {
  for (let batch = 0; batch < batches; batch += 1) {
    const values = Array.from({ length: BATCH }, () => `order-${number++}`);
    try {
      await producer.send({ topic: TOPIC, acks: -1, messages: values.map((value) => ({ value })) });
      acknowledged.push(...values);
    } catch {
      // Not acknowledged: it may be there or not, and nothing was promised.
    }
  }
}

/** Write until so much has been acknowledged since; what was done meanwhile has to be survived. */
async function writeOn(phase) {
  const want = acknowledged.length + PHASE * BATCH;
  while (acknowledged.length < want) await write(1);
  const { leader, isr } = await partition();
  phases[phase] = { leader, isr };
}

const phases = {};
await writeOn("calm");

const crashed = (await partition()).leader;
const writing = write(PHASE);
await ask("POST", `/v1/brokers/${crashed}/crash`);
await writing;
await writeOn("crashed");
await ask("POST", `/v1/brokers/${crashed}/start`);
await writeOn("started");

// Not the link to the controller: who cannot reach that is nobody's leader for long.
const { controller } = await ask("GET", "/v1/cluster");
const { leader, isr } = await partition();
const cut = isr.find((each) => each !== leader && each !== controller);
const stillWriting = write(PHASE);
await ask("POST", "/v1/network/partition", { a: [leader], b: [cut] });
await stillWriting;
await writeOn("cut");
await ask("POST", "/v1/network/heal");
await writeOn("healed");
await producer.disconnect();

const found = new Set();
const path = `/v1/topics/${TOPIC}/partitions/0/records`;
for (let offset = 0; ;) {
  const page = await ask("GET", `${path}?offset=${offset}&max_wait_ms=0`);
  for (const record of page.records) found.add(record.value);
  offset = page.next_offset;
  if (offset >= page.high_watermark) break;
}
const lost = acknowledged.filter((value) => !found.has(value));
console.log(JSON.stringify({ acknowledged: acknowledged.length, crashed, cut, phases, lost }));
