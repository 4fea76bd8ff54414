package sdk;

import static sdk.Steps.PREFIX;
import static sdk.Steps.TEXT;
import static sdk.Steps.check;
import static sdk.Steps.equal;
import static sdk.Steps.fails;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.auth.signer.Aws4Signer;
import software.amazon.awssdk.auth.signer.params.Aws4PresignerParams;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.SdkHttpFullRequest;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.PurgeQueueInProgressException;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.QueueNameExistsException;
import software.amazon.awssdk.services.sqs.model.ReceiptHandleIsInvalidException;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** The steps with the AWS SDK for Java 2. Region and credentials come from the environment. */
final class Java2 {
    private static final URI ENDPOINT = URI.create(Steps.ENDPOINT);
    private static final SqsClient SQS = SqsClient.builder().endpointOverride(ENDPOINT).build();

    public static void main(String[] arguments) {
        Map<String, Steps.Step> steps = new HashMap<>();
        steps.put("queue", Java2::queue);
        steps.put("send", Java2::send);
        steps.put("batch", Java2::batch);
        steps.put("poll", Java2::poll);
        steps.put("visibility", Java2::visibility);
        steps.put("fifo", Java2::fifo);
        steps.put("dlq", Java2::dlq);
        steps.put("errors", Java2::errors);
        steps.put("purge", Java2::purge);
        steps.put("list", Java2::list);
        steps.put("tags", Java2::tags);
        steps.put("large", Java2::large);
        steps.put("presigned", Java2::presigned);
        steps.put("refused", Java2::refused);
        Steps.run(Map.of("sqs", Steps.version(SqsClient.class)), steps);
    }

    private static String create(String name, Map<QueueAttributeName, String> attributes) {
        return SQS.createQueue(it -> it.queueName(PREFIX + "-" + name).attributes(attributes)).queueUrl();
    }

    private static List<Message> receive(String url, int waitSeconds) {
        return SQS.receiveMessage(it -> it.queueUrl(url).maxNumberOfMessages(10).waitTimeSeconds(waitSeconds)
                .messageAttributeNames("All")
                .attributeNames(QueueAttributeName.ALL)).messages(); // the name of 2023
    }

    private static Map<QueueAttributeName, String> attributes(String url) {
        return SQS.getQueueAttributes(it -> it.queueUrl(url).attributeNames(QueueAttributeName.ALL)).attributes();
    }

    private static void queue() {
        String url = create("queue", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "45"));
        equal(SQS.getQueueUrl(it -> it.queueName(PREFIX + "-queue")).queueUrl(), url);
        SQS.setQueueAttributes(it -> it.queueUrl(url).attributes(Map.of(QueueAttributeName.DELAY_SECONDS, "0")));
        equal(attributes(url).get(QueueAttributeName.VISIBILITY_TIMEOUT), "45");
        check(attributes(url).get(QueueAttributeName.QUEUE_ARN).endsWith(":" + PREFIX + "-queue"), attributes(url));
        SQS.deleteQueue(it -> it.queueUrl(url));
    }

    private static void send() {
        String url = create("send", Map.of());
        Map<String, MessageAttributeValue> given = Map.of(
                "text", MessageAttributeValue.builder().dataType("String").stringValue(TEXT).build(),
                "number", MessageAttributeValue.builder().dataType("Number").stringValue("-12.50").build(),
                "bytes", MessageAttributeValue.builder().dataType("Binary")
                        .binaryValue(SdkBytes.fromByteArray(Steps.bytes())).build(),
                "label", MessageAttributeValue.builder().dataType("String.label").stringValue("x").build());
        SendMessageResponse sent = SQS.sendMessage(it -> it.queueUrl(url).messageBody(TEXT).messageAttributes(given));
        Message message = receive(url, 1).get(0);
        equal(message.body(), TEXT);
        equal(message.messageAttributes(), given);
        equal(message.md5OfMessageAttributes(), sent.md5OfMessageAttributes());
        equal(message.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT), "1");
    }

    private static void batch() {
        String url = create("batch", Map.of());
        List<SendMessageBatchRequestEntry> entries = Steps.numbers(3).stream()
                .map(at -> SendMessageBatchRequestEntry.builder().id("e" + at).messageBody("body " + at).build())
                .toList();
        equal(SQS.sendMessageBatch(it -> it.queueUrl(url).entries(entries)).successful().size(), 3);
        List<DeleteMessageBatchRequestEntry> deleting = new ArrayList<>();
        while (deleting.size() < 3) {
            for (Message message : receive(url, 1)) {
                deleting.add(DeleteMessageBatchRequestEntry.builder().id("d" + deleting.size())
                        .receiptHandle(message.receiptHandle()).build());
            }
        }
        deleting.add(DeleteMessageBatchRequestEntry.builder().id("wrong").receiptHandle("wrong").build());
        var deleted = SQS.deleteMessageBatch(it -> it.queueUrl(url).entries(deleting));
        equal(deleted.successful().size(), 3);
        equal(deleted.failed().get(0).code(), "ReceiptHandleIsInvalid");
    }

    /** The waiting receive is one of the asynchronous client, which has another HTTP client. */
    private static void poll() throws Exception {
        String url = create("poll", Map.of());
        try (SqsAsyncClient waiting = SqsAsyncClient.builder().endpointOverride(ENDPOINT).build()) {
            CompletableFuture<List<Message>> arrived = waiting
                    .receiveMessage(it -> it.queueUrl(url).waitTimeSeconds(20))
                    .thenApply(found -> found.messages());
            Thread.sleep(300);
            SQS.sendMessage(it -> it.queueUrl(url).messageBody("wake up"));
            equal(arrived.get().get(0).body(), "wake up");
        }
    }

    private static void visibility() {
        String url = create("visibility", Map.of());
        SQS.sendMessage(it -> it.queueUrl(url).messageBody("again"));
        String handle = receive(url, 1).get(0).receiptHandle();
        SQS.changeMessageVisibility(it -> it.queueUrl(url).receiptHandle(handle).visibilityTimeout(0));
        Message second = receive(url, 1).get(0);
        equal(second.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT), "2");
        SQS.deleteMessage(it -> it.queueUrl(url).receiptHandle(second.receiptHandle()));
        equal(attributes(url).get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE), "0");
    }

    private static void fifo() {
        String url = create("fifo.fifo", Map.of(QueueAttributeName.FIFO_QUEUE, "true"));
        List<SendMessageResponse> sent = new ArrayList<>();
        for (String body : List.of("a1", "b1", "a2", "a1")) {
            sent.add(SQS.sendMessage(it -> it.queueUrl(url).messageBody(body).messageGroupId(body.substring(0, 1))
                    .messageDeduplicationId(body)));
        }
        equal(sent.get(3).messageId(), sent.get(0).messageId());
        check(sent.get(0).sequenceNumber().compareTo(sent.get(2).sequenceNumber()) < 0, sent);
        List<String> bodies = receive(url, 1).stream().map(Message::body).toList();
        equal(new TreeSet<>(bodies), new TreeSet<>(List.of("a1", "a2", "b1")));
        check(bodies.indexOf("a1") < bodies.indexOf("a2"), bodies);
    }

    private static void dlq() {
        String dead = create("dlq-dead", Map.of());
        String arn = attributes(dead).get(QueueAttributeName.QUEUE_ARN);
        String policy = "{\"deadLetterTargetArn\": \"" + arn + "\", \"maxReceiveCount\": 1}";
        String url = create("dlq", Map.of(QueueAttributeName.REDRIVE_POLICY, policy,
                QueueAttributeName.VISIBILITY_TIMEOUT, "0"));
        SQS.sendMessage(it -> it.queueUrl(url).messageBody("poison"));
        String id = receive(url, 1).get(0).messageId();
        equal(receive(url, 1).size(), 0);
        Message moved = receive(dead, 1).get(0);
        equal(moved.messageId(), id);
        check(moved.attributes().get(MessageSystemAttributeName.DEAD_LETTER_QUEUE_SOURCE_ARN)
                .endsWith(":" + PREFIX + "-dlq"), moved);
        equal(SQS.listDeadLetterSourceQueues(it -> it.queueUrl(dead)).queueUrls(), List.of(url));
    }

    private static void errors() {
        String url = create("errors", Map.of(QueueAttributeName.DELAY_SECONDS, "0"));
        fails(QueueDoesNotExistException.class, () -> SQS.getQueueUrl(it -> it.queueName(PREFIX + "-none")));
        fails(QueueDoesNotExistException.class,
                () -> SQS.sendMessage(it -> it.queueUrl(url + "-none").messageBody("x")));
        fails(QueueNameExistsException.class,
                () -> create("errors", Map.of(QueueAttributeName.DELAY_SECONDS, "9")));
        fails(ReceiptHandleIsInvalidException.class,
                () -> SQS.deleteMessage(it -> it.queueUrl(url).receiptHandle("wrong")));
    }

    private static void purge() {
        String url = create("purge", Map.of());
        SQS.sendMessage(it -> it.queueUrl(url).messageBody("x"));
        SQS.purgeQueue(it -> it.queueUrl(url));
        equal(receive(url, 0).size(), 0);
        fails(PurgeQueueInProgressException.class, () -> SQS.purgeQueue(it -> it.queueUrl(url)));
    }

    private static void list() {
        TreeSet<String> urls = new TreeSet<>();
        Steps.numbers(5).forEach(number -> urls.add(create("list-" + number, Map.of())));
        TreeSet<String> found = new TreeSet<>();
        SQS.listQueuesPaginator(it -> it.queueNamePrefix(PREFIX + "-list-").maxResults(2))
                .forEach(page -> found.addAll(page.queueUrls()));
        equal(found, urls);
    }

    private static void tags() {
        String url = create("tags", Map.of());
        SQS.tagQueue(it -> it.queueUrl(url).tags(Map.of("team", "é ☃ a+b", "stage", "test")));
        SQS.untagQueue(it -> it.queueUrl(url).tagKeys("stage"));
        equal(SQS.listQueueTags(it -> it.queueUrl(url)).tags(), Map.of("team", "é ☃ a+b"));
    }

    private static void large() {
        String url = create("large", Map.of());
        SQS.sendMessage(it -> it.queueUrl(url).messageBody(Steps.MEBIBYTE));
        check(receive(url, 1).get(0).body().equals(Steps.MEBIBYTE), "another body");
    }

    /** The signer of 2023, which SDKs of today still have. */
    @SuppressWarnings("deprecation")
    private static void presigned() throws Exception {
        String url = create("presigned", Map.of());
        SdkHttpFullRequest request = SdkHttpFullRequest.builder().method(SdkHttpMethod.GET).uri(URI.create(url))
                .putRawQueryParameter("Action", "SendMessage").putRawQueryParameter("MessageBody", "by URL").build();
        SdkHttpFullRequest signed = Aws4Signer.create().presign(request, Aws4PresignerParams.builder()
                .awsCredentials(AwsBasicCredentials.create(Steps.KEY, Steps.SECRET))
                .signingName("sqs").signingRegion(Region.of(Steps.REGION))
                .expirationTime(Instant.now().plusSeconds(60)).build());
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(signed.getUri()).build(), HttpResponse.BodyHandlers.ofString());
        check(response.statusCode() == 200, response.body());
        equal(receive(url, 1).get(0).body(), "by URL");
    }

    private static void refused() {
        if (!Steps.isSigned()) {
            throw new Steps.Skipped("only with --signed");
        }
        Map<String, String> codes = Map.of(
                Steps.KEY, "InvalidSignatureException SignatureDoesNotMatch",
                "AKIDUNKNOWN", "UnrecognizedClientException InvalidClientTokenId");
        codes.forEach((key, expected) -> {
            var wrong = StaticCredentialsProvider.create(AwsBasicCredentials.create(key, "x".repeat(40)));
            try (SqsClient other = SqsClient.builder().endpointOverride(ENDPOINT).credentialsProvider(wrong).build()) {
                SqsException problem = fails(SqsException.class, other::listQueues);
                check(expected.contains(problem.awsErrorDetails().errorCode()), problem);
            }
        });
    }
}
