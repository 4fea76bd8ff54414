// Calls of SQS through aws-sdk 2: the package to load is the first argument.

import { createRequire } from "node:module";
import { agent, serve } from "./lines.mjs";

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const AWS = createRequire(import.meta.url)(process.argv[2]);

function makeClient({ endpoint, region, key, secret }) {
  return new AWS.SQS({
    endpoint,
    region,
    accessKeyId: key,
    secretAccessKey: secret,
    maxRetries: 0,
    httpOptions: { agent, timeout: 30000, connectTimeout: 5000 },
  });
}

async function call(client, operation, input) {
  const method = operation[0].toLowerCase() + operation.slice(1);
  const request = client[method](input);
  try {
    const result = await request.promise();
    delete result.ResponseMetadata;
    return { result, request_id: request.response.requestId };
  } catch (error) {
    if (error.statusCode === undefined) throw error;
    const { code, message, statusCode: status, requestId: request_id } = error;
    return { error: { name: code, code, message, status, request_id } };
  }
}

serve(new AWS.SQS({ region: "us-east-1" }).api.protocol, makeClient, call);
