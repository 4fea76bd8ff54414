package sdk;

import static sdk.Steps.PREFIX;
import static sdk.Steps.check;
import static sdk.Steps.equal;
import static sdk.Steps.fails;

import com.amazon.sqs.javamessaging.AmazonSQSMessagingClientWrapper;
import com.amazon.sqs.javamessaging.ProviderConfiguration;
import com.amazon.sqs.javamessaging.SQSConnection;
import com.amazon.sqs.javamessaging.SQSConnectionFactory;
import com.amazon.sqs.javamessaging.SQSSession;
import jakarta.jms.BytesMessage;
import jakarta.jms.InvalidDestinationException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.ObjectMessage;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.CreateQueueRequest;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** The steps that JMS has, with Amazon's library. */
final class Jms {
    private static final int MS = 10_000;
    private static final String TEXT = Steps.TEXT;
    private static SQSConnection connection;

    public static void main(String[] arguments) throws Exception {
        SqsClient sqs = SqsClient.builder().endpointOverride(URI.create(Steps.ENDPOINT)).build();
        // A consumer that prefetches waits at its end for its long poll of 20 s.
        ProviderConfiguration configuration = new ProviderConfiguration().withNumberOfMessagesToPrefetch(0);
        connection = new SQSConnectionFactory(configuration, sqs).createConnection();
        connection.start();
        Map<String, Steps.Step> steps = new HashMap<>();
        steps.put("queue", Jms::queue);
        steps.put("send", Jms::send);
        steps.put("poll", Jms::poll);
        steps.put("visibility", Jms::visibility);
        steps.put("fifo", Jms::fifo);
        steps.put("errors", Jms::errors);
        steps.put("large", Jms::large);
        Steps.run(Map.of("amazon-sqs-java-messaging-lib", Steps.version(SQSConnection.class)), steps);
    }

    private static String create(String name) throws Exception {
        connection.getWrappedAmazonSQSClient().createQueue(PREFIX + "-" + name);
        return PREFIX + "-" + name;
    }

    private static void queue() throws Exception {
        AmazonSQSMessagingClientWrapper client = connection.getWrappedAmazonSQSClient();
        check(!client.queueExists(PREFIX + "-queue"), "the queue exists");
        create("queue");
        check(client.queueExists(PREFIX + "-queue"), "the queue does not exist");
    }

    private static void send() throws Exception {
        try (Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE)) {
            jakarta.jms.Queue queue = session.createQueue(create("send"));
            MessageProducer producer = session.createProducer(queue);
            MessageConsumer consumer = session.createConsumer(queue);
            TextMessage text = session.createTextMessage(TEXT);
            text.setStringProperty("text", TEXT);
            text.setIntProperty("int", -12);
            text.setDoubleProperty("double", 0.5);
            text.setBooleanProperty("boolean", true);
            text.setJMSCorrelationID("correlation");
            producer.send(text);
            TextMessage found = (TextMessage) consumer.receive(MS);
            equal(found.getText(), TEXT);
            equal(found.getStringProperty("text"), TEXT);
            equal(found.getIntProperty("int"), -12);
            equal(found.getDoubleProperty("double"), 0.5);
            equal(found.getBooleanProperty("boolean"), true);
            equal(found.getJMSCorrelationID(), "correlation");
            equal(found.getJMSMessageID(), text.getJMSMessageID());
            BytesMessage bytes = session.createBytesMessage();
            bytes.writeBytes(Steps.bytes());
            producer.send(bytes);
            BytesMessage raw = (BytesMessage) consumer.receive(MS);
            byte[] read = new byte[256];
            equal(raw.readBytes(read), 256);
            check(java.util.Arrays.equals(read, Steps.bytes()), "other bytes");
            producer.send(session.createObjectMessage(new ArrayList<>(List.of(1, 2))));
            equal(((ObjectMessage) consumer.receive(MS)).getObject(), List.of(1, 2));
        }
    }

    private static void poll() throws Exception {
        ArrayBlockingQueue<Message> arrived = new ArrayBlockingQueue<>(1);
        try (Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE)) {
            jakarta.jms.Queue queue = session.createQueue(create("poll"));
            session.createConsumer(queue).setMessageListener(arrived::add);
            Thread.sleep(300);
            try (Session other = connection.createSession(false, Session.AUTO_ACKNOWLEDGE)) {
                other.createProducer(queue).send(other.createTextMessage("wake up"));
            }
            equal(((TextMessage) arrived.poll(MS, TimeUnit.MILLISECONDS)).getText(), "wake up");
        }
    }

    /** A message that is not acknowledged comes again after its visibility timeout. */
    private static void visibility() throws Exception {
        CreateQueueRequest request = CreateQueueRequest.builder().queueName(PREFIX + "-visibility")
                .attributes(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "1")).build();
        connection.getWrappedAmazonSQSClient().createQueue(request);
        try (Session session = connection.createSession(false, SQSSession.UNORDERED_ACKNOWLEDGE)) {
            jakarta.jms.Queue queue = session.createQueue(PREFIX + "-visibility");
            session.createProducer(queue).send(session.createTextMessage("again"));
            MessageConsumer consumer = session.createConsumer(queue);
            equal(consumer.receive(MS).getIntProperty("JMSXDeliveryCount"), 1);
            Message second = consumer.receive(MS);
            check(second.getJMSRedelivered(), second);
            equal(second.getIntProperty("JMSXDeliveryCount"), 2);
            second.acknowledge();
            check(consumer.receive(1500) == null, "the message came a third time");
        }
    }

    private static void fifo() throws Exception {
        String name = PREFIX + "-fifo.fifo";
        CreateQueueRequest request = CreateQueueRequest.builder().queueName(name)
                .attributes(Map.of(QueueAttributeName.FIFO_QUEUE, "true")).build();
        connection.getWrappedAmazonSQSClient().createQueue(request);
        try (Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE)) {
            MessageProducer producer = session.createProducer(session.createQueue(name));
            for (String body : List.of("a1", "a2", "a3", "a1")) {
                TextMessage message = session.createTextMessage(body);
                message.setStringProperty("JMSXGroupID", "a");
                message.setStringProperty("JMS_SQS_DeduplicationId", body);
                producer.send(message);
            }
            MessageConsumer consumer = session.createConsumer(session.createQueue(name));
            for (String body : List.of("a1", "a2", "a3")) {
                TextMessage found = (TextMessage) consumer.receive(MS);
                equal(found.getText(), body);
                equal(found.getStringProperty("JMSXGroupID"), "a");
                check(found.getStringProperty("JMS_SQS_SequenceNumber") != null, found);
                found.acknowledge();
            }
            check(consumer.receive(500) == null, "a duplicate arrived");
        }
    }

    private static void errors() throws Exception {
        try (Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE)) {
            fails(InvalidDestinationException.class, () -> session.createQueue(PREFIX + "-none"));
        }
    }

    private static void large() throws Exception {
        try (Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE)) {
            jakarta.jms.Queue queue = session.createQueue(create("large"));
            String body = Steps.MEBIBYTE.substring(1000); // JMS adds an attribute
            session.createProducer(queue).send(session.createTextMessage(body));
            check(body.equals(((TextMessage) session.createConsumer(queue).receive(MS)).getText()), "another body");
        }
    }
}
