// The steps with aws-sdk 2: the package to load is the first argument. Region and credentials come from the environment.

import { createRequire } from "node:module";
import { run } from "./steps.mjs";

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const load = createRequire(import.meta.url);
const AWS = load(process.argv[2]);
const endpoint = process.env.SDK_ENDPOINT;
const region = process.env.AWS_DEFAULT_REGION;
const client = new AWS.SQS({ endpoint, region });
/** SDK 2 has codes in the place of names. */
const NAMES = {
  "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
  "AWS.SimpleQueueService.PurgeQueueInProgress": "PurgeQueueInProgress",
  QueueAlreadyExists: "QueueNameExists",
};

const call = (operation, input) => client[operation[0].toLowerCase() + operation.slice(1)](input).promise();

await run({
  versions: { [`aws-sdk ${client.api.protocol}`]: load(`${process.argv[2]}/package.json`).version },
  call,
  nameOf: (error) => NAMES[error.code] ?? error.code,
  async pages(QueueNamePrefix, MaxResults) {
    const urls = [];
    let NextToken;
    do {
      const page = await call("ListQueues", { QueueNamePrefix, MaxResults, NextToken });
      urls.push(...page.QueueUrls);
      NextToken = page.NextToken;
    } while (NextToken);
    return urls;
  },
  async refusedWith(accessKeyId, secretAccessKey) {
    const other = new AWS.SQS({ endpoint, region, accessKeyId, secretAccessKey });
    try {
      await other.listQueues({}).promise();
    } catch (error) {
      return error.code;
    }
    return "no error";
  },
});
