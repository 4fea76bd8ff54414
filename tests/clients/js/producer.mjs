// Sends messages with sqs-producer and tells what became of them.
// Argument: {"endpoint", "queueUrl", "batchSize", "messages"} as JSON. Output: one JSON document.

import { SQSClient } from "@aws-sdk/client-sqs";
import { Producer } from "sqs-producer";

const { endpoint, messages, ...options } = JSON.parse(process.argv[2]);
const credentials = { accessKeyId: "any", secretAccessKey: "any" };
const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
const producer = Producer.create({ ...options, sqs });

const told = {};
try {
  told.sent = await producer.send(messages);
} catch (error) {
  told.error = { name: error.constructor.name, failed: error.failedMessages };
}
told.size = await producer.queueSize();
console.log(JSON.stringify(told));
sqs.destroy();
