// Consumes a queue with sqs-consumer and tells each event as one line of JSON, until standard input says how to stop.
//
// Argument, as JSON: "endpoint", "queueUrl"; "batch": whether the handler takes batches; "failures": body -> how often
// its handler throws; "keep": bodies that a batch handler does not acknowledge; everything else is sqs-consumer's own.
// Input: one line, "stop" or "abort". The process ends by itself when nothing is left to do.

import readline from "node:readline";
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

const { endpoint, batch, failures = {}, keep = [], ...options } = JSON.parse(process.argv[2]);
const credentials = { accessKeyId: "any", secretAccessKey: "any" };
const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });

function tell(event, more = {}) {
  console.log(JSON.stringify({ event, ...more }));
}

async function handle(message) {
  tell("handling", { body: message.Body, message });
  if (failures[message.Body] > 0) {
    failures[message.Body] -= 1;
    throw new Error(`cannot handle ${message.Body}`);
  }
  return message;
}

async function handleBatch(messages) {
  tell("batch", { size: messages.length });
  const handled = await Promise.all(messages.map(handle));
  return handled.filter((message) => !keep.includes(message.Body));
}

const handler = batch ? { handleMessageBatch: handleBatch } : { handleMessage: handle };
const consumer = Consumer.create({ ...options, ...handler, sqs });
for (const event of ["message_processed", "empty", "started", "stopped", "aborted"]) {
  consumer.on(event, (message) => tell(event, { body: message?.Body }));
}
for (const event of ["error", "processing_error", "timeout_error"]) {
  consumer.on(event, (error) => tell(event, { name: error.name, code: error.code, text: error.message }));
}

const input = readline.createInterface({ input: process.stdin });
input.once("line", (how) => {
  consumer.once("stopped", () => {
    input.close();
    sqs.destroy();
  });
  consumer.stop({ abort: how === "abort" });
});
consumer.start();
