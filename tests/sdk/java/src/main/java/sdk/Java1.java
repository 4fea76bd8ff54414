package sdk;

import static sdk.Steps.PREFIX;
import static sdk.Steps.TEXT;
import static sdk.Steps.check;
import static sdk.Steps.equal;
import static sdk.Steps.fails;

import com.amazonaws.DefaultRequest;
import com.amazonaws.auth.AWS4Signer;
import com.amazonaws.auth.AWSCredentials;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.auth.BasicSessionCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.http.HttpMethodName;
import com.amazonaws.services.sqs.AmazonSQS;
import com.amazonaws.services.sqs.AmazonSQSClientBuilder;
import com.amazonaws.services.sqs.model.AmazonSQSException;
import com.amazonaws.services.sqs.model.CreateQueueRequest;
import com.amazonaws.services.sqs.model.DeleteMessageBatchRequestEntry;
import com.amazonaws.services.sqs.model.ListDeadLetterSourceQueuesRequest;
import com.amazonaws.services.sqs.model.ListQueuesRequest;
import com.amazonaws.services.sqs.model.ListQueuesResult;
import com.amazonaws.services.sqs.model.Message;
import com.amazonaws.services.sqs.model.MessageAttributeValue;
import com.amazonaws.services.sqs.model.PurgeQueueInProgressException;
import com.amazonaws.services.sqs.model.PurgeQueueRequest;
import com.amazonaws.services.sqs.model.QueueDoesNotExistException;
import com.amazonaws.services.sqs.model.QueueNameExistsException;
import com.amazonaws.services.sqs.model.ReceiptHandleIsInvalidException;
import com.amazonaws.services.sqs.model.ReceiveMessageRequest;
import com.amazonaws.services.sqs.model.SendMessageBatchRequestEntry;
import com.amazonaws.services.sqs.model.SendMessageRequest;
import com.amazonaws.services.sqs.model.SendMessageResult;
import com.amazonaws.services.sqs.model.SetQueueAttributesRequest;
import com.amazonaws.util.SdkHttpUtils;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/** The steps with the AWS SDK for Java 1. */
final class Java1 {
    private static final AmazonSQS SQS = client(Steps.KEY, Steps.SECRET);

    public static void main(String[] arguments) {
        Map<String, Steps.Step> steps = new HashMap<>();
        steps.put("queue", Java1::queue);
        steps.put("send", Java1::send);
        steps.put("batch", Java1::batch);
        steps.put("poll", Java1::poll);
        steps.put("visibility", Java1::visibility);
        steps.put("fifo", Java1::fifo);
        steps.put("dlq", Java1::dlq);
        steps.put("errors", Java1::errors);
        steps.put("purge", Java1::purge);
        steps.put("list", Java1::list);
        steps.put("tags", Java1::tags);
        steps.put("large", Java1::large);
        steps.put("presigned", Java1::presigned);
        steps.put("refused", Java1::refused);
        Steps.run(Map.of("aws-java-sdk-sqs", Steps.version(AmazonSQS.class)), steps);
    }

    private static AmazonSQS client(String key, String secret) {
        String token = System.getenv("AWS_SESSION_TOKEN");
        AWSCredentials credentials = token == null
                ? new BasicAWSCredentials(key, secret) : new BasicSessionCredentials(key, secret, token);
        return AmazonSQSClientBuilder.standard()
                .withEndpointConfiguration(new EndpointConfiguration(Steps.ENDPOINT, Steps.REGION))
                .withCredentials(new AWSStaticCredentialsProvider(credentials))
                .build();
    }

    private static String create(String name, Map<String, String> attributes) {
        return SQS.createQueue(new CreateQueueRequest(PREFIX + "-" + name).withAttributes(attributes)).getQueueUrl();
    }

    private static List<Message> receive(String url, int waitSeconds) {
        return SQS.receiveMessage(new ReceiveMessageRequest(url).withMaxNumberOfMessages(10)
                .withWaitTimeSeconds(waitSeconds).withAttributeNames("All").withMessageAttributeNames("All"))
                .getMessages();
    }

    private static Map<String, String> attributes(String url) {
        return SQS.getQueueAttributes(url, List.of("All")).getAttributes();
    }

    private static void queue() {
        String url = create("queue", Map.of("VisibilityTimeout", "45"));
        equal(SQS.getQueueUrl(PREFIX + "-queue").getQueueUrl(), url);
        SQS.setQueueAttributes(new SetQueueAttributesRequest(url, Map.of("DelaySeconds", "0")));
        equal(attributes(url).get("VisibilityTimeout"), "45");
        check(attributes(url).get("QueueArn").endsWith(":" + PREFIX + "-queue"), attributes(url));
        SQS.deleteQueue(url);
    }

    private static MessageAttributeValue value(String type, String text) {
        return new MessageAttributeValue().withDataType(type).withStringValue(text);
    }

    private static void send() {
        String url = create("send", Map.of());
        Map<String, MessageAttributeValue> given = Map.of(
                "text", value("String", TEXT),
                "number", value("Number", "-12.50"),
                "bytes", new MessageAttributeValue().withDataType("Binary")
                        .withBinaryValue(ByteBuffer.wrap(Steps.bytes())),
                "label", value("String.label", "x"));
        SendMessageResult sent = SQS.sendMessage(new SendMessageRequest(url, TEXT).withMessageAttributes(given));
        Message message = receive(url, 1).get(0);
        equal(message.getBody(), TEXT);
        equal(message.getMessageAttributes(), given);
        equal(message.getMD5OfMessageAttributes(), sent.getMD5OfMessageAttributes());
        equal(message.getAttributes().get("ApproximateReceiveCount"), "1");
    }

    private static void batch() {
        String url = create("batch", Map.of());
        List<SendMessageBatchRequestEntry> entries = Steps.numbers(3).stream()
                .map(at -> new SendMessageBatchRequestEntry("e" + at, "body " + at)).toList();
        equal(SQS.sendMessageBatch(url, entries).getSuccessful().size(), 3);
        List<DeleteMessageBatchRequestEntry> deleting = new ArrayList<>();
        while (deleting.size() < 3) {
            for (Message message : receive(url, 1)) {
                deleting.add(new DeleteMessageBatchRequestEntry("d" + deleting.size(), message.getReceiptHandle()));
            }
        }
        deleting.add(new DeleteMessageBatchRequestEntry("wrong", "wrong"));
        var deleted = SQS.deleteMessageBatch(url, deleting);
        equal(deleted.getSuccessful().size(), 3);
        equal(deleted.getFailed().get(0).getCode(), "ReceiptHandleIsInvalid");
    }

    private static void poll() throws Exception {
        String url = create("poll", Map.of());
        CompletableFuture<List<Message>> arrived = CompletableFuture.supplyAsync(() -> receive(url, 20));
        Thread.sleep(300);
        SQS.sendMessage(url, "wake up");
        equal(arrived.get().get(0).getBody(), "wake up");
    }

    private static void visibility() {
        String url = create("visibility", Map.of());
        SQS.sendMessage(url, "again");
        SQS.changeMessageVisibility(url, receive(url, 1).get(0).getReceiptHandle(), 0);
        Message second = receive(url, 1).get(0);
        equal(second.getAttributes().get("ApproximateReceiveCount"), "2");
        SQS.deleteMessage(url, second.getReceiptHandle());
        equal(attributes(url).get("ApproximateNumberOfMessagesNotVisible"), "0");
    }

    private static void fifo() {
        String url = create("fifo.fifo", Map.of("FifoQueue", "true"));
        List<SendMessageResult> sent = new ArrayList<>();
        for (String body : List.of("a1", "b1", "a2", "a1")) {
            sent.add(SQS.sendMessage(new SendMessageRequest(url, body).withMessageGroupId(body.substring(0, 1))
                    .withMessageDeduplicationId(body)));
        }
        equal(sent.get(3).getMessageId(), sent.get(0).getMessageId());
        check(sent.get(0).getSequenceNumber().compareTo(sent.get(2).getSequenceNumber()) < 0, sent);
        List<String> bodies = receive(url, 1).stream().map(Message::getBody).toList();
        equal(new TreeSet<>(bodies), new TreeSet<>(List.of("a1", "a2", "b1")));
        check(bodies.indexOf("a1") < bodies.indexOf("a2"), bodies);
    }

    private static void dlq() {
        String dead = create("dlq-dead", Map.of());
        String arn = attributes(dead).get("QueueArn");
        String policy = "{\"deadLetterTargetArn\": \"" + arn + "\", \"maxReceiveCount\": 1}";
        String url = create("dlq", Map.of("RedrivePolicy", policy, "VisibilityTimeout", "0"));
        SQS.sendMessage(url, "poison");
        String id = receive(url, 1).get(0).getMessageId();
        equal(receive(url, 1).size(), 0);
        Message moved = receive(dead, 1).get(0);
        equal(moved.getMessageId(), id);
        check(moved.getAttributes().get("DeadLetterQueueSourceArn").endsWith(":" + PREFIX + "-dlq"), moved);
        equal(SQS.listDeadLetterSourceQueues(new ListDeadLetterSourceQueuesRequest().withQueueUrl(dead)).getQueueUrls(),
                List.of(url));
    }

    private static void errors() {
        String url = create("errors", Map.of("DelaySeconds", "0"));
        fails(QueueDoesNotExistException.class, () -> SQS.getQueueUrl(PREFIX + "-none"));
        fails(QueueDoesNotExistException.class, () -> SQS.sendMessage(url + "-none", "x"));
        fails(QueueNameExistsException.class, () -> create("errors", Map.of("DelaySeconds", "9")));
        fails(ReceiptHandleIsInvalidException.class, () -> SQS.deleteMessage(url, "wrong"));
    }

    private static void purge() {
        String url = create("purge", Map.of());
        SQS.sendMessage(url, "x");
        SQS.purgeQueue(new PurgeQueueRequest(url));
        equal(receive(url, 0).size(), 0);
        fails(PurgeQueueInProgressException.class, () -> SQS.purgeQueue(new PurgeQueueRequest(url)));
    }

    private static void list() {
        TreeSet<String> urls = new TreeSet<>();
        Steps.numbers(5).forEach(number -> urls.add(create("list-" + number, Map.of())));
        TreeSet<String> found = new TreeSet<>();
        ListQueuesRequest request = new ListQueuesRequest(PREFIX + "-list-").withMaxResults(2);
        do {
            ListQueuesResult page = SQS.listQueues(request);
            found.addAll(page.getQueueUrls());
            request.setNextToken(page.getNextToken());
        } while (request.getNextToken() != null);
        equal(found, urls);
    }

    private static void tags() {
        String url = create("tags", Map.of());
        SQS.tagQueue(url, Map.of("team", "é ☃ a+b", "stage", "test"));
        SQS.untagQueue(url, List.of("stage"));
        equal(SQS.listQueueTags(url).getTags(), Map.of("team", "é ☃ a+b"));
    }

    private static void large() {
        String url = create("large", Map.of());
        SQS.sendMessage(url, Steps.MEBIBYTE);
        check(receive(url, 1).get(0).getBody().equals(Steps.MEBIBYTE), "another body");
    }

    private static void presigned() throws Exception {
        String url = create("presigned", Map.of());
        DefaultRequest<Void> request = new DefaultRequest<>("sqs");
        request.setHttpMethod(HttpMethodName.GET);
        request.setEndpoint(URI.create(Steps.ENDPOINT));
        request.setResourcePath(URI.create(url).getRawPath());
        request.addParameter("Action", "SendMessage");
        request.addParameter("MessageBody", "by URL");
        AWS4Signer signer = new AWS4Signer();
        signer.setServiceName("sqs");
        signer.setRegionName(Steps.REGION);
        signer.presignRequest(request, new BasicAWSCredentials(Steps.KEY, Steps.SECRET),
                Date.from(Instant.now().plusSeconds(60)));
        URI signed = URI.create(url + "?" + SdkHttpUtils.encodeParameters(request));
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(signed).build(), HttpResponse.BodyHandlers.ofString());
        check(response.statusCode() == 200, response.body());
        equal(receive(url, 1).get(0).getBody(), "by URL");
    }

    private static void refused() {
        if (!Steps.isSigned()) {
            throw new Steps.Skipped("only with --signed");
        }
        Map<String, String> codes = Map.of(
                Steps.KEY, "InvalidSignatureException SignatureDoesNotMatch",
                "AKIDUNKNOWN", "UnrecognizedClientException InvalidClientTokenId");
        codes.forEach((key, expected) -> {
            AmazonSQSException problem = fails(AmazonSQSException.class, client(key, "x".repeat(40))::listQueues);
            check(expected.contains(problem.getErrorCode()), problem);
        });
    }
}
