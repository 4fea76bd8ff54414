package sdk;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What the programs share: a line of JSON for each step, the values that they send, and small checks. */
final class Steps {
    static final String ENDPOINT = System.getenv("SDK_ENDPOINT");
    static final String PREFIX = System.getenv("SDK_PREFIX");
    static final String REGION = System.getenv("AWS_REGION");
    static final String KEY = System.getenv("AWS_ACCESS_KEY_ID");
    static final String SECRET = System.getenv("AWS_SECRET_ACCESS_KEY");
    static final String TEXT = "é ☃ 😀 <&> \"quoted\" a+b%20\ttab\r\nline";
    static final String MEBIBYTE = "é".repeat(512 * 1024);

    private Steps() {}

    /** A step of a client. */
    interface Step {
        void run() throws Exception;
    }

    /** Thrown by a step that the client cannot do. */
    static final class Skipped extends RuntimeException {
        Skipped(String reason) {
            super(reason);
        }
    }

    /** Run the steps in the order that the environment gives. A failed one does not end the run. */
    static void run(Map<String, String> versions, Map<String, Step> steps) {
        String named = versions.entrySet().stream()
                .map(one -> quoted(one.getKey()) + ": " + quoted(one.getValue()))
                .collect(Collectors.joining(", "));
        System.out.println("{\"versions\": {" + named + "}}");
        for (String name : System.getenv("SDK_STEPS").split(",")) {
            Step step = steps.get(name);
            if (step == null) {
                say(name, "skip", "the client has no such call");
                continue;
            }
            try {
                step.run();
                say(name, null, null);
            } catch (Skipped reason) {
                say(name, "skip", reason.getMessage());
            } catch (Throwable problem) {
                StringWriter text = new StringWriter();
                problem.printStackTrace(new PrintWriter(text));
                say(name, "error", text.toString().substring(0, Math.min(1500, text.toString().length())));
            }
        }
        System.out.flush();
        System.exit(0); // threads of the clients may still run
    }

    private static void say(String step, String key, String value) {
        String more = key == null ? "" : ", " + quoted(key) + ": " + quoted(value);
        System.out.println("{\"step\": " + quoted(step) + more + "}");
    }

    private static String quoted(String text) {
        StringBuilder found = new StringBuilder("\"");
        for (char one : text.toCharArray()) {
            boolean isPlain = one >= ' ' && one < 127 && one != '"' && one != '\\';
            found.append(isPlain ? String.valueOf(one) : String.format("\\u%04x", (int) one));
        }
        return found.append('"').toString();
    }

    /** Return the version of the JAR file that has the class. */
    static String version(Class<?> known) {
        String file = known.getProtectionDomain().getCodeSource().getLocation().getPath();
        return file.replaceAll(".*-([0-9][^/]*)\\.jar$", "$1");
    }

    static void equal(Object found, Object expected) {
        if (!expected.equals(found)) {
            throw new AssertionError(found + " instead of " + expected);
        }
    }

    static void check(boolean condition, Object found) {
        if (!condition) {
            throw new AssertionError(String.valueOf(found));
        }
    }

    /** Return the exception of a call, which must be of a class. */
    static <E extends Exception> E fails(Class<E> wanted, Step call) {
        try {
            call.run();
        } catch (Exception problem) {
            if (wanted.isInstance(problem)) {
                return wanted.cast(problem);
            }
            throw new AssertionError(problem);
        }
        throw new AssertionError("no " + wanted.getSimpleName());
    }

    static List<Integer> numbers(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    static byte[] bytes() {
        byte[] found = new byte[256];
        for (int at = 0; at < found.length; at++) {
            found[at] = (byte) at;
        }
        return found;
    }

    static boolean isSigned() {
        return !System.getenv("SDK_SIGNED").isEmpty();
    }
}
