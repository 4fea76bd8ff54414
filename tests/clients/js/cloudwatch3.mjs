// Calls of CloudWatch through @aws-sdk/client-cloudwatch 3. The argument is JSON: the client's options, the name of a
// protocol in the SDK, or "" for its default, and calls as [operation, input], with times as text. Prints a JSON array:
// for each call its result or error, and the protocol of the request.

import * as sdk from "@aws-sdk/client-cloudwatch";
import * as protocols from "@aws-sdk/core/protocols";

const { options, named, calls } = JSON.parse(process.argv[2]);
const client = new sdk.CloudWatchClient({ ...options, ...(named && { protocol: protocols[named] }), maxAttempts: 1 });
let protocol;
client.middlewareStack.add(
  (next) => (args) => {
    protocol = args.request.headers["smithy-protocol"] ?? args.request.headers["content-type"];
    return next(args);
  },
  { step: "finalizeRequest" },
);

const found = [];
for (const [operation, input] of calls) {
  for (const name of ["StartTime", "EndTime"]) if (input[name]) input[name] = new Date(input[name]);
  try {
    const { $metadata, ...result } = await client.send(new sdk[`${operation}Command`](input));
    found.push({ result, protocol, request_id: $metadata.requestId });
  } catch (error) {
    if (!(error instanceof sdk.CloudWatchServiceException)) throw error;
    const is_class = sdk[error.name] !== undefined && error instanceof sdk[error.name];
    found.push({ error: { name: error.name, message: error.message, is_class }, protocol });
  }
}
console.log(JSON.stringify(found));
