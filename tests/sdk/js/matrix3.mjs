// The steps with @aws-sdk/client-sqs 3. Region and credentials come from the environment.

import { createHash, createHmac } from "node:crypto";
import { createRequire } from "node:module";
import * as sdk from "@aws-sdk/client-sqs";
import { SignatureV4 } from "@smithy/signature-v4";
import { run } from "./steps.mjs";

const endpoint = process.env.SDK_ENDPOINT;
const client = new sdk.SQSClient({ endpoint });

/** What the signer asks of a hash: the SDK's own is a package of its own. */
class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", secret) : createHash("sha256");
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.hash.digest());
  }
}

function nameOf(error) {
  const known = sdk[error.name];
  return known === undefined || error instanceof known ? error.name : `${error.name} without its class`;
}

await run({
  versions: { "@aws-sdk/client-sqs": createRequire(import.meta.url)("@aws-sdk/client-sqs/package.json").version },
  call: (operation, input) => client.send(new sdk[`${operation}Command`](input)),
  nameOf,
  async pages(QueueNamePrefix, pageSize) {
    const urls = [];
    for await (const page of sdk.paginateListQueues({ client, pageSize }, { QueueNamePrefix })) {
      urls.push(...page.QueueUrls);
    }
    return urls;
  },
  async refusedWith(accessKeyId, secretAccessKey) {
    const other = new sdk.SQSClient({ endpoint, credentials: { accessKeyId, secretAccessKey } });
    try {
      await other.send(new sdk.ListQueuesCommand({}));
    } catch (error) {
      return error.name;
    }
    return "no error";
  },
  async presigned(queueUrl, query) {
    const url = new URL(queueUrl);
    const signer = new SignatureV4({
      service: "sqs",
      region: await client.config.region(),
      credentials: client.config.credentials,
      sha256: Sha256,
    });
    const request = { method: "GET", protocol: url.protocol, hostname: url.hostname, port: Number(url.port) };
    const signed = await signer.presign(
      { ...request, path: url.pathname, headers: { host: url.host }, query },
      { expiresIn: 60 },
    );
    return `${url.origin}${url.pathname}?${new URLSearchParams(signed.query)}`;
  },
});
