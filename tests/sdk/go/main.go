// The steps with the AWS SDK for Go 2. Region and credentials come from the environment.
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const text = "é ☃ 😀 <&> \"quoted\" a+b%20\ttab\r\nline"

// The SHA-256 of an empty body, which a presigned GET has.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var (
	ctx      = context.Background()
	prefix   = os.Getenv("SDK_PREFIX")
	endpoint = os.Getenv("SDK_ENDPOINT")
	client   *sqs.Client
	settings aws.Config
)

type skipped string

func say(document map[string]any) {
	line, _ := json.Marshal(document)
	fmt.Println(string(line))
}

// check fails the step unless the condition holds.
func check(condition bool, format string, values ...any) {
	if !condition {
		panic(fmt.Sprintf(format, values...) + "\n" + string(debug.Stack()))
	}
}

// must returns the result of a call that must succeed.
func must[T any](result T, err error) T {
	check(err == nil, "%v", err)
	return result
}

func queue(name string, attributes map[string]string) *string {
	created := must(client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String(prefix + "-" + name), Attributes: attributes,
	}))
	return created.QueueUrl
}

func send(queueURL *string, body string) *sqs.SendMessageOutput {
	return must(client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queueURL, MessageBody: &body}))
}

func receive(queueURL *string, waitSeconds int32) []types.Message {
	return must(client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: queueURL, MaxNumberOfMessages: 10, WaitTimeSeconds: waitSeconds,
		MessageAttributeNames: []string{"All"},
		AttributeNames:        []types.QueueAttributeName{types.QueueAttributeNameAll}, // the name of 2023
	})).Messages
}

func attributes(queueURL *string) map[string]string {
	return must(client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: queueURL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})).Attributes
}

func stepQueue() {
	queueURL := queue("queue", map[string]string{"VisibilityTimeout": "45"})
	name := aws.String(prefix + "-queue")
	found := must(client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: name}))
	check(*found.QueueUrl == *queueURL, "%s", *found.QueueUrl)
	must(client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: queueURL, Attributes: map[string]string{"DelaySeconds": "0"},
	}))
	read := attributes(queueURL)
	check(read["VisibilityTimeout"] == "45" && strings.HasSuffix(read["QueueArn"], ":"+*name), "%v", read)
	must(client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: queueURL}))
}

func stepSend() {
	queueURL := queue("send", nil)
	binary := make([]byte, 256)
	for at := range binary {
		binary[at] = byte(at)
	}
	given := map[string]types.MessageAttributeValue{
		"text":   {DataType: aws.String("String"), StringValue: aws.String(text)},
		"number": {DataType: aws.String("Number"), StringValue: aws.String("-12.50")},
		"bytes":  {DataType: aws.String("Binary"), BinaryValue: binary},
		"label":  {DataType: aws.String("String.label"), StringValue: aws.String("x")},
	}
	sent := must(client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: queueURL, MessageBody: aws.String(text), MessageAttributes: given,
	}))
	sum := md5.Sum([]byte(text))
	check(*sent.MD5OfMessageBody == hex.EncodeToString(sum[:]), "%s", *sent.MD5OfMessageBody)
	message := receive(queueURL, 1)[0]
	check(*message.Body == text, "%q", *message.Body)
	check(*message.MD5OfMessageAttributes == *sent.MD5OfMessageAttributes, "the digests differ")
	check(message.Attributes["ApproximateReceiveCount"] == "1", "%v", message.Attributes)
	for name, value := range given {
		found := message.MessageAttributes[name]
		check(aws.ToString(found.DataType) == aws.ToString(value.DataType), "%s", name)
		check(aws.ToString(found.StringValue) == aws.ToString(value.StringValue), "%s", name)
		check(bytes.Equal(found.BinaryValue, value.BinaryValue), "%s", name)
	}
}

func stepBatch() {
	queueURL := queue("batch", nil)
	var entries []types.SendMessageBatchRequestEntry
	for number := range 3 {
		id := fmt.Sprintf("e%d", number)
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: &id, MessageBody: aws.String("body " + id)})
	}
	sent := must(client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: queueURL, Entries: entries}))
	check(len(sent.Successful) == 3 && len(sent.Failed) == 0, "%v", sent)
	var deleting []types.DeleteMessageBatchRequestEntry
	for len(deleting) < 3 {
		for _, message := range receive(queueURL, 1) {
			id := fmt.Sprint(len(deleting))
			entry := types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: message.ReceiptHandle}
			deleting = append(deleting, entry)
		}
	}
	wrong := types.DeleteMessageBatchRequestEntry{Id: aws.String("wrong"), ReceiptHandle: aws.String("wrong")}
	deleted := must(client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{
		QueueUrl: queueURL, Entries: append(deleting, wrong),
	}))
	check(len(deleted.Successful) == 3 && len(deleted.Failed) == 1, "%v", deleted)
	check(*deleted.Failed[0].Code == "ReceiptHandleIsInvalid", "%s", *deleted.Failed[0].Code)
}

func stepPoll() {
	queueURL := queue("poll", nil)
	arrived := make(chan []types.Message, 1)
	go func() {
		found, _ := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queueURL, WaitTimeSeconds: 20})
		arrived <- found.Messages
	}()
	time.Sleep(300 * time.Millisecond)
	send(queueURL, "wake up")
	messages := <-arrived
	check(len(messages) == 1 && *messages[0].Body == "wake up", "%v", messages)
}

func stepVisibility() {
	queueURL := queue("visibility", nil)
	send(queueURL, "again")
	first := receive(queueURL, 1)[0]
	must(client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: queueURL, ReceiptHandle: first.ReceiptHandle, VisibilityTimeout: 0,
	}))
	second := receive(queueURL, 1)[0]
	check(second.Attributes["ApproximateReceiveCount"] == "2", "%v", second.Attributes)
	must(client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queueURL, ReceiptHandle: second.ReceiptHandle}))
	found := attributes(queueURL)
	check(found["ApproximateNumberOfMessages"] == "0", "%v", found)
	check(found["ApproximateNumberOfMessagesNotVisible"] == "0", "%v", found)
}

func stepFifo() {
	queueURL := queue("fifo.fifo", map[string]string{"FifoQueue": "true"})
	var sent []*sqs.SendMessageOutput
	for _, pair := range [][2]string{{"a1", "a"}, {"b1", "b"}, {"a2", "a"}, {"a1", "a"}} {
		sent = append(sent, must(client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: queueURL, MessageBody: &pair[0], MessageGroupId: &pair[1], MessageDeduplicationId: &pair[0],
		})))
	}
	check(*sent[0].MessageId == *sent[3].MessageId, "the message was not deduplicated")
	check(*sent[0].SequenceNumber < *sent[2].SequenceNumber, "the sequence numbers do not rise")
	var bodies []string
	for _, message := range receive(queueURL, 1) {
		bodies = append(bodies, *message.Body)
	}
	all := strings.Join(bodies, " ")
	check(len(bodies) == 3 && strings.Index(all, "a1") < strings.Index(all, "a2"), "%s", all)
}

func stepDlq() {
	dead := queue("dlq-dead", nil)
	policy := fmt.Sprintf(`{"deadLetterTargetArn": %q, "maxReceiveCount": 1}`, attributes(dead)["QueueArn"])
	queueURL := queue("dlq", map[string]string{"RedrivePolicy": policy, "VisibilityTimeout": "0"})
	send(queueURL, "poison")
	message := receive(queueURL, 1)[0]
	check(len(receive(queueURL, 1)) == 0, "the message came again")
	moved := receive(dead, 1)[0]
	check(*moved.MessageId == *message.MessageId, "another message moved")
	check(strings.HasSuffix(moved.Attributes["DeadLetterQueueSourceArn"], ":"+prefix+"-dlq"), "%v", moved.Attributes)
	sources := must(client.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: dead}))
	check(len(sources.QueueUrls) == 1 && sources.QueueUrls[0] == *queueURL, "%v", sources.QueueUrls)
}

func stepErrors() {
	queueURL := queue("errors", map[string]string{"DelaySeconds": "0"})
	var missing *types.QueueDoesNotExist
	_, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(prefix + "-none")})
	check(errors.As(err, &missing), "%v", err)
	none := aws.String(*queueURL + "-none")
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: none, MessageBody: aws.String("x")})
	// The SDK of 2023 has this class for some operations only; the others have its code.
	var told smithy.APIError
	isCode := errors.As(err, &told) && told.ErrorCode() == "AWS.SimpleQueueService.NonExistentQueue"
	check(errors.As(err, &missing) || isCode, "%v", err)
	var exists *types.QueueNameExists
	_, err = client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String(prefix + "-errors"), Attributes: map[string]string{"DelaySeconds": "9"},
	})
	check(errors.As(err, &exists), "%v", err)
	var invalid *types.ReceiptHandleIsInvalid
	_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queueURL, ReceiptHandle: aws.String("wrong")})
	check(errors.As(err, &invalid), "%v", err)
}

func stepPurge() {
	queueURL := queue("purge", nil)
	send(queueURL, "x")
	must(client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: queueURL}))
	check(len(receive(queueURL, 0)) == 0, "a message is left")
	var running *types.PurgeQueueInProgress
	_, err := client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: queueURL})
	check(errors.As(err, &running), "%v", err)
}

func stepList() {
	var urls, found []string
	for number := range 5 {
		urls = append(urls, *queue(fmt.Sprintf("list-%d", number), nil))
	}
	pages := sqs.NewListQueuesPaginator(client, &sqs.ListQueuesInput{
		QueueNamePrefix: aws.String(prefix + "-list-"), MaxResults: aws.Int32(2),
	})
	for pages.HasMorePages() {
		found = append(found, must(pages.NextPage(ctx)).QueueUrls...)
	}
	sort.Strings(found)
	check(strings.Join(found, " ") == strings.Join(urls, " "), "%v", found)
}

func stepTags() {
	queueURL := queue("tags", nil)
	given := map[string]string{"team": "é ☃ a+b", "stage": "test"}
	must(client.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: queueURL, Tags: given}))
	must(client.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: queueURL, TagKeys: []string{"stage"}}))
	found := must(client.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: queueURL})).Tags
	check(len(found) == 1 && found["team"] == given["team"], "%v", found)
}

func stepLarge() {
	queueURL := queue("large", nil)
	body := strings.Repeat("é", 512*1024)
	send(queueURL, body)
	check(*receive(queueURL, 1)[0].Body == body, "the body differs")
}

func stepPresigned() {
	queueURL := queue("presigned", nil)
	query := url.Values{"Action": {"SendMessage"}, "MessageBody": {"by URL"}, "X-Amz-Expires": {"60"}}
	request := must(http.NewRequest(http.MethodGet, *queueURL+"?"+query.Encode(), nil))
	found := must(settings.Credentials.Retrieve(ctx))
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, found, request, emptyHash, "sqs", settings.Region, time.Now())
	check(err == nil, "%v", err)
	response := must(http.Get(signed))
	defer response.Body.Close()
	body := must(io.ReadAll(response.Body))
	check(response.StatusCode == 200, "%s", body)
	check(*receive(queueURL, 1)[0].Body == "by URL", "another message")
}

func stepRefused() {
	if os.Getenv("SDK_SIGNED") == "" {
		panic(skipped("only with --signed"))
	}
	secret := strings.Repeat("x", 40)
	for key, codes := range map[string]string{
		os.Getenv("AWS_ACCESS_KEY_ID"): "InvalidSignatureException SignatureDoesNotMatch",
		"AKIDUNKNOWN":                  "UnrecognizedClientException InvalidClientTokenId",
	} {
		other := sqs.NewFromConfig(settings, func(options *sqs.Options) {
			options.BaseEndpoint = &endpoint
			options.Credentials = credentials.NewStaticCredentialsProvider(key, secret, "")
		})
		_, err := other.ListQueues(ctx, &sqs.ListQueuesInput{})
		var refused smithy.APIError
		check(errors.As(err, &refused) && strings.Contains(codes, refused.ErrorCode()), "%v", err)
	}
}

func run(name string, step func()) {
	defer func() {
		if problem := recover(); problem != nil {
			if reason, ok := problem.(skipped); ok {
				say(map[string]any{"step": name, "skip": string(reason)})
				return
			}
			say(map[string]any{"step": name, "error": fmt.Sprint(problem)})
		}
	}()
	step()
	say(map[string]any{"step": name})
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if strings.HasSuffix(module.Path, "/service/sqs") {
			return module.Version
		}
	}
	return ""
}

func main() {
	settings = must(config.LoadDefaultConfig(ctx))
	client = sqs.NewFromConfig(settings, func(options *sqs.Options) { options.BaseEndpoint = &endpoint })
	say(map[string]any{"versions": map[string]string{"service/sqs": version()}})
	steps := map[string]func(){
		"queue": stepQueue, "send": stepSend, "batch": stepBatch, "poll": stepPoll, "visibility": stepVisibility,
		"fifo": stepFifo, "dlq": stepDlq, "errors": stepErrors, "purge": stepPurge, "list": stepList,
		"tags": stepTags, "large": stepLarge, "presigned": stepPresigned, "refused": stepRefused,
	}
	for _, name := range strings.Split(os.Getenv("SDK_STEPS"), ",") {
		if step, ok := steps[name]; ok {
			run(name, step)
		} else {
			say(map[string]any{"step": name, "skip": "the program has no such step"})
		}
	}
}
