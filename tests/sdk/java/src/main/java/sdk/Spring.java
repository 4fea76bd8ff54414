package sdk;

import static sdk.Steps.PREFIX;
import static sdk.Steps.check;
import static sdk.Steps.equal;

import io.awspring.cloud.sqs.annotation.SqsListener;
import io.awspring.cloud.sqs.listener.SqsHeaders;
import io.awspring.cloud.sqs.operations.SqsTemplate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;

/** The steps that Spring Cloud AWS has, in an application of Spring Boot with the properties that its users set. */
@Configuration
@EnableAutoConfiguration
public class Spring {
    private static final BlockingQueue<String> ARRIVED = new LinkedBlockingQueue<>();
    private static final BlockingQueue<String> TRIED = new LinkedBlockingQueue<>();
    private static final AtomicInteger FAILURES = new AtomicInteger(1);
    private static SqsTemplate template;

    public static void main(String[] arguments) {
        SpringApplication application = new SpringApplication(Spring.class);
        application.setDefaultProperties(Map.of(
                "spring.cloud.aws.sqs.endpoint", Steps.ENDPOINT,
                "spring.cloud.aws.region.static", Steps.REGION,
                "spring.cloud.aws.credentials.access-key", Steps.KEY,
                "spring.cloud.aws.credentials.secret-key", Steps.SECRET,
                "spring.main.banner-mode", "off",
                "logging.level.root", "OFF",
                "steps.prefix", PREFIX));
        ConfigurableApplicationContext context = application.run(arguments);
        template = context.getBean(SqsTemplate.class);
        Map<String, Steps.Step> steps = new HashMap<>();
        steps.put("queue", Spring::queue);
        steps.put("send", Spring::send);
        steps.put("batch", Spring::batch);
        steps.put("poll", Spring::poll);
        steps.put("visibility", Spring::visibility);
        steps.put("fifo", Spring::fifo);
        steps.put("large", Spring::large);
        Steps.run(Map.of("spring-cloud-aws", Steps.version(SqsTemplate.class)), steps);
    }

    /** Spring creates the queue if it does not exist. */
    @SqsListener("${steps.prefix}-poll")
    public void listen(String body) {
        ARRIVED.add(body);
    }

    @SqsListener(value = "${steps.prefix}-visibility", messageVisibilitySeconds = "1")
    public void retry(String body) {
        TRIED.add(body);
        if (FAILURES.getAndDecrement() > 0) {
            throw new IllegalStateException("once more");
        }
    }

    private static Optional<Message<String>> receive(String queue) {
        return template.receive(from -> from.queue(queue).pollTimeout(Duration.ofSeconds(5)), String.class);
    }

    private static void queue() {
        template.send(PREFIX + "-queue", "creates the queue");
        equal(receive(PREFIX + "-queue").orElseThrow().getPayload(), "creates the queue");
    }

    private static void send() {
        Message<String> given = MessageBuilder.withPayload(Steps.TEXT).setHeader("text", Steps.TEXT)
                .setHeader("number", -12).build();
        template.send(PREFIX + "-send", given);
        Message<String> found = receive(PREFIX + "-send").orElseThrow();
        equal(found.getPayload(), Steps.TEXT);
        equal(found.getHeaders().get("text"), Steps.TEXT);
        equal(String.valueOf(found.getHeaders().get("number")), "-12");
    }

    private static void batch() {
        List<Message<String>> given = Steps.numbers(10).stream()
                .map(at -> MessageBuilder.withPayload("body " + at).build()).toList();
        equal(template.sendMany(PREFIX + "-batch", given).successful().size(), 10);
        TreeSet<String> bodies = new TreeSet<>();
        for (int tries = 0; tries < 20 && bodies.size() < 10; tries++) {
            template.receiveMany(from -> from.queue(PREFIX + "-batch").maxNumberOfMessages(10)
                    .pollTimeout(Duration.ofSeconds(1)), String.class).forEach(one -> bodies.add(one.getPayload()));
        }
        equal(bodies.size(), 10);
    }

    private static void poll() throws Exception {
        template.send(PREFIX + "-poll", "wake up");
        equal(ARRIVED.poll(20, TimeUnit.SECONDS), "wake up");
    }

    /** A message whose listener fails comes again. */
    private static void visibility() throws Exception {
        template.send(PREFIX + "-visibility", "again");
        equal(TRIED.poll(20, TimeUnit.SECONDS), "again");
        equal(TRIED.poll(20, TimeUnit.SECONDS), "again");
    }

    private static void fifo() {
        String queue = PREFIX + "-fifo.fifo";
        for (String body : List.of("a1", "a2", "a3", "a1")) {
            template.send(to -> to.queue(queue).payload(body).messageGroupId("a").messageDeduplicationId(body));
        }
        List<String> bodies = new ArrayList<>();
        while (receive(queue).map(found -> {
            check(found.getHeaders().get(SqsHeaders.MessageSystemAttributes.SQS_SEQUENCE_NUMBER) != null, found);
            return bodies.add(found.getPayload());
        }).isPresent()) {
            check(bodies.size() < 5, bodies);
        }
        equal(bodies, List.of("a1", "a2", "a3"));
    }

    private static void large() {
        template.send(PREFIX + "-large", Steps.MEBIBYTE.substring(1000)); // Spring adds attributes
        equal(receive(PREFIX + "-large").orElseThrow().getPayload().length(), Steps.MEBIBYTE.length() - 1000);
    }
}
