// The steps that sqs-consumer and sqs-producer have.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { Producer } from "sqs-producer";
import { runSteps } from "./steps.mjs";

const load = createRequire(import.meta.url);
const prefix = process.env.SDK_PREFIX;
const sqs = new SQSClient({ endpoint: process.env.SDK_ENDPOINT });
const TEXT = 'é ☃ 😀 <&> "quoted"';

async function queue(name, Attributes = {}) {
  return (await sqs.send(new CreateQueueCommand({ QueueName: `${prefix}-${name}`, Attributes }))).QueueUrl;
}

const producer = (queueUrl) => Producer.create({ queueUrl, sqs });

/** Consumes until a count of messages was handled without an error, and returns all that the handler saw. */
function consumed(queueUrl, count, options = {}, handle = async () => {}) {
  return new Promise((done, failed) => {
    const seen = [];
    let handled = 0;
    let problem;
    const consumer = Consumer.create({
      queueUrl,
      sqs,
      ...options,
      async handleMessage(message) {
        seen.push(message);
        await handle(message);
        return message;
      },
    });
    consumer.on("message_processed", () => {
      handled += 1;
      if (handled === count) consumer.stop();
    });
    consumer.on("error", (error) => {
      problem = error;
      consumer.stop();
    });
    consumer.on("processing_error", () => {});
    consumer.on("stopped", () => (problem ? failed(problem) : done(seen)));
    consumer.start();
  });
}

async function counts(QueueUrl) {
  const found = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  return [found.Attributes.ApproximateNumberOfMessages, found.Attributes.ApproximateNumberOfMessagesNotVisible];
}

await runSteps(
  {
    "sqs-consumer": load("./node_modules/sqs-consumer/package.json").version,
    "sqs-producer": load("./node_modules/sqs-producer/package.json").version,
  },
  {
    async send() {
      const url = await queue("send");
      const messageAttributes = { text: { DataType: "String", StringValue: TEXT } };
      await producer(url).send({ id: "1", body: TEXT, messageAttributes });
      const [message] = await consumed(url, 1, { messageAttributeNames: ["All"] });
      assert.equal(message.Body, TEXT);
      assert.equal(message.MessageAttributes.text.StringValue, TEXT);
      assert.deepEqual(await counts(url), ["0", "0"]);
    },
    async batch() {
      const url = await queue("batch");
      const messages = Array.from({ length: 25 }, (_, at) => ({ id: String(at), body: `body ${at}` }));
      await producer(url).send(messages);
      const seen = await consumed(url, 25, { batchSize: 10 });
      assert.equal(new Set(seen.map((message) => message.Body)).size, 25);
    },
    async poll() {
      const url = await queue("poll");
      const waiting = consumed(url, 1, { waitTimeSeconds: 20 });
      await new Promise((done) => setTimeout(done, 300));
      await producer(url).send({ id: "1", body: "wake up" });
      assert.deepEqual((await waiting).map((message) => message.Body), ["wake up"]);
    },
    async visibility() {
      const url = await queue("visibility");
      await producer(url).send({ id: "1", body: "again" });
      let failures = 1;
      const seen = await consumed(url, 1, { terminateVisibilityTimeout: true }, async () => {
        if (failures-- > 0) throw new Error("once more");
      });
      assert.deepEqual(seen.map((message) => message.Body), ["again", "again"]);
    },
    async fifo() {
      const url = await queue("fifo.fifo", { FifoQueue: "true" });
      const messages = ["a1", "a2", "a3"].map((body) => ({ id: body, body, groupId: "a", deduplicationId: body }));
      await producer(url).send(messages);
      await producer(url).send(messages);
      const seen = await consumed(url, 3, { batchSize: 10, suppressFifoWarning: true });
      assert.deepEqual(seen.map((message) => message.Body), ["a1", "a2", "a3"]);
    },
    async errors() {
      const url = await queue("errors");
      await assert.rejects(consumed(`${url}-none`, 1), (error) => error.code === "QueueDoesNotExist");
    },
    async large() {
      const url = await queue("large");
      const body = "é".repeat(512 * 1024);
      await producer(url).send({ id: "1", body });
      const [message] = await consumed(url, 1);
      assert.ok(message.Body === body);
    },
  },
);
sqs.destroy();
