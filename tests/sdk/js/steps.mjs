// The steps of the matrix for both JavaScript SDKs. A client gives:
//   versions            {name: version}
//   call(operation, input)  the result, or a thrown error
//   nameOf(error)       what users of the client dispatch on, in the spelling of SDK 3
//   pages(prefix, size) the URLs of all queues, by the client's own way to page
//   refusedWith(key, secret)  the name of the error that a client with this key gets
//   presigned(url)      the URL with a signature in its query; absent if the client cannot

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

const prefix = process.env.SDK_PREFIX;
const TEXT = 'é ☃ 😀 <&> "quoted" a+b%20\ttab\r\nline';
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, at) => at));

class Skipped extends Error {}

export function say(document) {
  process.stdout.write(JSON.stringify(document) + "\n");
}

/** Runs steps by name and prints a line for each; a failed one does not end the run. */
export async function runSteps(versions, steps) {
  say({ versions });
  for (const name of process.env.SDK_STEPS.split(",")) {
    if (!steps[name]) {
      say({ step: name, skip: "the client has no such call" });
      continue;
    }
    try {
      await steps[name]();
      say({ step: name });
    } catch (error) {
      if (error instanceof Skipped) say({ step: name, skip: error.message });
      else say({ step: name, error: String(error.stack ?? error).slice(0, 1500) });
    }
  }
}

export function run(client) {
  const { call } = client;
  const queue = async (name, Attributes = {}) =>
    (await call("CreateQueue", { QueueName: `${prefix}-${name}`, Attributes })).QueueUrl;
  const receive = async (QueueUrl, more = {}) =>
    (await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, ...more })).Messages ?? [];
  const attributes = async (QueueUrl) =>
    (await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] })).Attributes;
  const nameOfFailed = async (operation, input) => {
    try {
      await call(operation, input);
    } catch (error) {
      return client.nameOf(error);
    }
    return "no error";
  };

  return runSteps(client.versions, {
    async queue() {
      const QueueUrl = await queue("queue", { VisibilityTimeout: "45" });
      assert.equal((await call("GetQueueUrl", { QueueName: `${prefix}-queue` })).QueueUrl, QueueUrl);
      await call("SetQueueAttributes", { QueueUrl, Attributes: { DelaySeconds: "0" } });
      const found = await attributes(QueueUrl);
      assert.equal(found.VisibilityTimeout, "45");
      assert.ok(found.QueueArn.endsWith(`:${prefix}-queue`));
      await call("DeleteQueue", { QueueUrl });
    },

    async send() {
      const QueueUrl = await queue("send");
      const MessageAttributes = {
        text: { DataType: "String", StringValue: TEXT },
        number: { DataType: "Number", StringValue: "-12.50" },
        bytes: { DataType: "Binary", BinaryValue: BYTES },
        label: { DataType: "String.label", StringValue: "x" },
      };
      const sent = await call("SendMessage", { QueueUrl, MessageBody: TEXT, MessageAttributes });
      assert.equal(sent.MD5OfMessageBody, createHash("md5").update(TEXT).digest("hex"));
      const [message] = await receive(QueueUrl, { MessageAttributeNames: ["All"], AttributeNames: ["All"] });
      assert.equal(message.Body, TEXT);
      assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
      assert.equal(message.Attributes.ApproximateReceiveCount, "1");
      for (const [name, value] of Object.entries(MessageAttributes)) {
        const found = message.MessageAttributes[name];
        assert.equal(found.DataType, value.DataType);
        assert.equal(found.StringValue, value.StringValue);
        if (value.BinaryValue) assert.deepEqual(Buffer.from(found.BinaryValue), BYTES);
      }
    },

    async batch() {
      const QueueUrl = await queue("batch");
      const Entries = [0, 1, 2].map((number) => ({ Id: `e${number}`, MessageBody: `body ${number}` }));
      const sent = await call("SendMessageBatch", { QueueUrl, Entries });
      assert.equal(sent.Successful.length, 3);
      assert.equal((sent.Failed ?? []).length, 0);
      const handles = [];
      while (handles.length < 3) {
        for (const message of await receive(QueueUrl)) handles.push(message.ReceiptHandle);
      }
      const deleting = [...handles, "wrong"].map((ReceiptHandle, at) => ({ Id: String(at), ReceiptHandle }));
      const deleted = await call("DeleteMessageBatch", { QueueUrl, Entries: deleting });
      assert.equal(deleted.Successful.length, 3);
      assert.deepEqual(deleted.Failed.map((one) => one.Code), ["ReceiptHandleIsInvalid"]);
    },

    async poll() {
      const QueueUrl = await queue("poll");
      const waiting = receive(QueueUrl, { WaitTimeSeconds: 20 });
      await new Promise((done) => setTimeout(done, 300));
      await call("SendMessage", { QueueUrl, MessageBody: "wake up" });
      assert.deepEqual((await waiting).map((message) => message.Body), ["wake up"]);
    },

    async visibility() {
      const QueueUrl = await queue("visibility");
      await call("SendMessage", { QueueUrl, MessageBody: "again" });
      const [first] = await receive(QueueUrl);
      await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle: first.ReceiptHandle, VisibilityTimeout: 0 });
      const [second] = await receive(QueueUrl, { AttributeNames: ["ApproximateReceiveCount"] });
      assert.deepEqual({ ...second.Attributes }, { ApproximateReceiveCount: "2" });
      await call("DeleteMessage", { QueueUrl, ReceiptHandle: second.ReceiptHandle });
      const found = await attributes(QueueUrl);
      assert.equal(found.ApproximateNumberOfMessages, "0");
      assert.equal(found.ApproximateNumberOfMessagesNotVisible, "0");
    },

    async fifo() {
      const QueueUrl = await queue("fifo.fifo", { FifoQueue: "true" });
      const sent = [];
      for (const [MessageBody, MessageGroupId] of [["a1", "a"], ["b1", "b"], ["a2", "a"], ["a1", "a"]]) {
        const input = { QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId: MessageBody };
        sent.push(await call("SendMessage", input));
      }
      assert.equal(sent[0].MessageId, sent[3].MessageId);
      assert.ok(BigInt(sent[0].SequenceNumber) < BigInt(sent[2].SequenceNumber));
      const bodies = (await receive(QueueUrl)).map((message) => message.Body);
      assert.deepEqual([...bodies].sort(), ["a1", "a2", "b1"]);
      assert.ok(bodies.indexOf("a1") < bodies.indexOf("a2"));
    },

    async dlq() {
      const dead = await queue("dlq-dead");
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: (await attributes(dead)).QueueArn, maxReceiveCount: 1 });
      const QueueUrl = await queue("dlq", { RedrivePolicy });
      await call("SendMessage", { QueueUrl, MessageBody: "poison" });
      const [message] = await receive(QueueUrl, { VisibilityTimeout: 0 });
      assert.equal((await receive(QueueUrl)).length, 0);
      const [moved] = await receive(dead, { AttributeNames: ["All"] });
      assert.equal(moved.MessageId, message.MessageId);
      assert.ok(moved.Attributes.DeadLetterQueueSourceArn.endsWith(`:${prefix}-dlq`));
      assert.deepEqual((await call("ListDeadLetterSourceQueues", { QueueUrl: dead })).queueUrls, [QueueUrl]);
    },

    async errors() {
      const QueueUrl = await queue("errors", { DelaySeconds: "0" });
      const QueueName = `${prefix}-errors`;
      assert.deepEqual(
        [
          await nameOfFailed("GetQueueUrl", { QueueName: `${prefix}-none` }),
          await nameOfFailed("SendMessage", { QueueUrl: `${QueueUrl}-none`, MessageBody: "x" }),
          await nameOfFailed("CreateQueue", { QueueName, Attributes: { DelaySeconds: "9" } }),
          await nameOfFailed("DeleteMessage", { QueueUrl, ReceiptHandle: "wrong" }),
        ],
        ["QueueDoesNotExist", "QueueDoesNotExist", "QueueNameExists", "ReceiptHandleIsInvalid"],
      );
    },

    async purge() {
      const QueueUrl = await queue("purge");
      await call("SendMessage", { QueueUrl, MessageBody: "x" });
      await call("PurgeQueue", { QueueUrl });
      assert.equal((await receive(QueueUrl, { WaitTimeSeconds: 0 })).length, 0);
      assert.equal(await nameOfFailed("PurgeQueue", { QueueUrl }), "PurgeQueueInProgress");
    },

    async list() {
      const urls = [];
      for (const number of [0, 1, 2, 3, 4]) urls.push(await queue(`list-${number}`));
      assert.deepEqual((await client.pages(`${prefix}-list-`, 2)).sort(), urls.sort());
    },

    async tags() {
      const QueueUrl = await queue("tags");
      const team = "é ☃ a+b";
      await call("TagQueue", { QueueUrl, Tags: { team, stage: "test" } });
      await call("UntagQueue", { QueueUrl, TagKeys: ["stage"] });
      assert.deepEqual({ ...(await call("ListQueueTags", { QueueUrl })).Tags }, { team });
    },

    async large() {
      const QueueUrl = await queue("large");
      const MessageBody = "é".repeat(512 * 1024);
      await call("SendMessage", { QueueUrl, MessageBody });
      const [message] = await receive(QueueUrl);
      assert.ok(message.Body === MessageBody);
    },

    async presigned() {
      if (!client.presigned) throw new Skipped("the client cannot sign a URL of SQS");
      const QueueUrl = await queue("presigned");
      const response = await fetch(await client.presigned(QueueUrl, { Action: "SendMessage", MessageBody: "by URL" }));
      assert.ok((await response.text()).includes("<MessageId>"));
      assert.deepEqual((await receive(QueueUrl)).map((message) => message.Body), ["by URL"]);
    },

    async refused() {
      if (!process.env.SDK_SIGNED) throw new Skipped("only with --signed");
      const found = await client.refusedWith(process.env.AWS_ACCESS_KEY_ID, "x".repeat(40));
      assert.ok(found.includes("Signature"), found);
      const unknown = await client.refusedWith("AKIDUNKNOWN", "x".repeat(40));
      assert.ok(["InvalidClientTokenId", "UnrecognizedClientException"].includes(unknown), unknown);
    },
  });
}
