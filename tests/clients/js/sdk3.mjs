// Calls of SQS through @aws-sdk/client-sqs 3.

import * as sdk from "@aws-sdk/client-sqs";
import { agent, serve } from "./lines.mjs";

function makeClient({ endpoint, region, key, secret }) {
  return new sdk.SQSClient({
    // Without an endpoint the SDK calls each QueueUrl's own host.
    ...(endpoint && { endpoint }),
    region,
    credentials: { accessKeyId: key, secretAccessKey: secret },
    maxAttempts: 1,
    requestHandler: { httpAgent: agent, requestTimeout: 30000, connectionTimeout: 5000 },
  });
}

async function call(client, operation, input) {
  try {
    const { $metadata, ...result } = await client.send(new sdk[`${operation}Command`](input));
    return { result, request_id: $metadata.requestId };
  } catch (error) {
    if (!(error instanceof sdk.SQSServiceException)) throw error;
    return {
      error: {
        name: error.name,
        code: error.Code ?? error.Error?.Code,
        message: error.message,
        status: error.$metadata.httpStatusCode,
        type: error.Type ?? error.Error?.Type,
        request_id: error.$metadata.requestId,
        is_class: sdk[error.name] !== undefined && error instanceof sdk[error.name],
        fault: error.$fault,
      },
    };
  }
}

serve("json", makeClient, call);
