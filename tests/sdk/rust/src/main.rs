//! The steps with the AWS SDK for Rust. Region and credentials come from the environment.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use aws_sdk_sqs::Client;
use aws_sigv4::http_request::{
    sign, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
};
use aws_sigv4::sign::v4;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TEXT: &str = "é ☃ 😀 <&> \"quoted\" a+b%20\ttab\r\nline";

type Done = Result<(), Box<dyn Error + Send + Sync>>;

fn check(condition: bool, found: impl std::fmt::Debug) -> Done {
    if condition {
        return Ok(());
    }
    Err(format!("found {found:?}").into())
}

fn attribute(kind: &str, text: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(kind)
        .string_value(text)
        .build()
        .expect("a type")
}

struct Steps {
    client: Client,
    prefix: String,
    region: String,
    key: String,
    secret: String,
    is_signed: bool,
}

type Attributes = HashMap<QueueAttributeName, String>;

impl Steps {
    async fn create(
        &self,
        name: &str,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Result<String, Box<dyn Error + Send + Sync>> {
        let given: Attributes = attributes
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
        let created = self
            .client
            .create_queue()
            .queue_name(format!("{}-{name}", self.prefix))
            .set_attributes((!given.is_empty()).then_some(given))
            .send()
            .await?;
        Ok(created.queue_url.unwrap_or_default())
    }

    async fn attributes(&self, url: &str) -> Result<Attributes, Box<dyn Error + Send + Sync>> {
        let read = self.client.get_queue_attributes().queue_url(url);
        let found = read.attribute_names(QueueAttributeName::All).send().await?;
        Ok(found.attributes.unwrap_or_default())
    }

    async fn send_text(&self, url: &str, body: &str) -> Done {
        self.client.send_message().queue_url(url).message_body(body).send().await?;
        Ok(())
    }

    async fn receive(
        &self,
        url: &str,
        seconds: i32,
    ) -> Result<Vec<Message>, Box<dyn Error + Send + Sync>> {
        let received = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(seconds)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await?;
        Ok(received.messages.unwrap_or_default())
    }

    async fn one(&self, url: &str) -> Result<Message, Box<dyn Error + Send + Sync>> {
        Ok(self.receive(url, 1).await?.pop().ok_or("no message")?)
    }

    async fn queue(&self) -> Done {
        let url = self.create("queue", &[(QueueAttributeName::VisibilityTimeout, "45")]).await?;
        let name = format!("{}-queue", self.prefix);
        let found = self.client.get_queue_url().queue_name(&name).send().await?;
        check(found.queue_url() == Some(&url), &found)?;
        let set = self.client.set_queue_attributes().queue_url(&url);
        set.attributes(QueueAttributeName::DelaySeconds, "0").send().await?;
        let read = self.attributes(&url).await?;
        check(read[&QueueAttributeName::VisibilityTimeout] == "45", &read)?;
        check(read[&QueueAttributeName::QueueArn].ends_with(&format!(":{name}")), &read)?;
        self.client.delete_queue().queue_url(&url).send().await?;
        Ok(())
    }

    async fn send(&self) -> Done {
        let url = self.create("send", &[]).await?;
        let bytes: Vec<u8> = (0..=255).collect();
        let binary = MessageAttributeValue::builder().data_type("Binary");
        let given = HashMap::from([
            ("text".to_string(), attribute("String", TEXT)),
            ("number".to_string(), attribute("Number", "-12.50")),
            ("bytes".to_string(), binary.binary_value(Blob::new(bytes)).build()?),
            ("label".to_string(), attribute("String.label", "x")),
        ]);
        let call = self.client.send_message().queue_url(&url).message_body(TEXT);
        let sent = call.set_message_attributes(Some(given.clone())).send().await?;
        let message = self.one(&url).await?;
        check(message.body() == Some(TEXT), &message)?;
        check(message.message_attributes() == Some(&given), &message)?;
        check(message.md5_of_message_attributes() == sent.md5_of_message_attributes(), &message)
    }

    async fn batch(&self) -> Done {
        let url = self.create("batch", &[]).await?;
        let mut call = self.client.send_message_batch().queue_url(&url);
        for number in 0..3 {
            let entry = SendMessageBatchRequestEntry::builder().id(format!("e{number}"));
            call = call.entries(entry.message_body(format!("body {number}")).build()?);
        }
        let sent = call.send().await?;
        check(sent.successful().len() == 3 && sent.failed().is_empty(), &sent)?;
        let mut handles = Vec::new();
        while handles.len() < 3 {
            for message in self.receive(&url, 1).await? {
                handles.push(message.receipt_handle.unwrap_or_default());
            }
        }
        handles.push("wrong".to_string());
        let mut call = self.client.delete_message_batch().queue_url(&url);
        for (at, handle) in handles.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(format!("d{at}"));
            call = call.entries(entry.receipt_handle(handle).build()?);
        }
        let deleted = call.send().await?;
        check(deleted.successful().len() == 3, &deleted)?;
        check(deleted.failed()[0].code() == "ReceiptHandleIsInvalid", &deleted)
    }

    async fn poll(&self) -> Done {
        let url = self.create("poll", &[]).await?;
        let call = self.client.receive_message().queue_url(&url).wait_time_seconds(20);
        let waiting = tokio::spawn(call.send());
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.send_text(&url, "wake up").await?;
        let arrived = waiting.await??;
        check(arrived.messages()[0].body() == Some("wake up"), &arrived)
    }

    async fn visibility(&self) -> Done {
        let url = self.create("visibility", &[]).await?;
        self.send_text(&url, "again").await?;
        let handle = self.one(&url).await?.receipt_handle.unwrap_or_default();
        let change = self.client.change_message_visibility().queue_url(&url);
        change.receipt_handle(handle).visibility_timeout(0).send().await?;
        let second = self.one(&url).await?;
        let count = MessageSystemAttributeName::ApproximateReceiveCount;
        check(second.attributes().is_some_and(|found| found[&count] == "2"), &second)?;
        let handle = second.receipt_handle.unwrap_or_default();
        self.client.delete_message().queue_url(&url).receipt_handle(handle).send().await?;
        let read = self.attributes(&url).await?;
        check(read[&QueueAttributeName::ApproximateNumberOfMessagesNotVisible] == "0", &read)
    }

    async fn fifo(&self) -> Done {
        let url = self.create("fifo.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await?;
        let mut sent = Vec::new();
        for body in ["a1", "b1", "a2", "a1"] {
            let call = self.client.send_message().queue_url(&url).message_body(body);
            sent.push(call.message_group_id(&body[..1]).message_deduplication_id(body).send().await?);
        }
        check(sent[0].message_id() == sent[3].message_id(), &sent)?;
        check(sent[0].sequence_number() < sent[2].sequence_number(), &sent)?;
        let messages = self.receive(&url, 1).await?;
        let bodies: Vec<&str> = messages.iter().filter_map(|message| message.body()).collect();
        let place = |body| bodies.iter().position(|one| *one == body);
        check(bodies.len() == 3 && place("a1") < place("a2"), &bodies)
    }

    async fn dlq(&self) -> Done {
        let dead = self.create("dlq-dead", &[]).await?;
        let arn = self.attributes(&dead).await?[&QueueAttributeName::QueueArn].clone();
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 1}).to_string();
        let given = [
            (QueueAttributeName::RedrivePolicy, policy.as_str()),
            (QueueAttributeName::VisibilityTimeout, "0"),
        ];
        let url = self.create("dlq", &given).await?;
        self.send_text(&url, "poison").await?;
        let message = self.one(&url).await?;
        check(self.receive(&url, 1).await?.is_empty(), "the message came again")?;
        let moved = self.one(&dead).await?;
        check(moved.message_id() == message.message_id(), &moved)?;
        let sources = self.client.list_dead_letter_source_queues().queue_url(&dead).send().await?;
        check(sources.queue_urls() == [url], &sources)
    }

    async fn errors(&self) -> Done {
        let url = self.create("errors", &[(QueueAttributeName::DelaySeconds, "0")]).await?;
        let name = format!("{}-none", self.prefix);
        let error = self.client.get_queue_url().queue_name(name).send().await.unwrap_err();
        check(error.into_service_error().is_queue_does_not_exist(), "GetQueueUrl")?;
        let call = self.client.send_message().queue_url(format!("{url}-none")).message_body("x");
        let error = call.send().await.unwrap_err().into_service_error();
        check(error.is_queue_does_not_exist(), &error)?;
        let name = format!("{}-errors", self.prefix);
        let call = self.client.create_queue().queue_name(name);
        let call = call.attributes(QueueAttributeName::DelaySeconds, "9");
        let error = call.send().await.unwrap_err().into_service_error();
        check(error.is_queue_name_exists(), &error)?;
        let call = self.client.delete_message().queue_url(&url).receipt_handle("wrong");
        let error = call.send().await.unwrap_err().into_service_error();
        check(error.is_receipt_handle_is_invalid(), &error)
    }

    async fn purge(&self) -> Done {
        let url = self.create("purge", &[]).await?;
        self.send_text(&url, "x").await?;
        self.client.purge_queue().queue_url(&url).send().await?;
        check(self.receive(&url, 0).await?.is_empty(), "a message is left")?;
        let error = self.client.purge_queue().queue_url(&url).send().await.unwrap_err();
        check(error.into_service_error().is_purge_queue_in_progress(), "the second purge")
    }

    async fn list(&self) -> Done {
        let mut urls = Vec::new();
        for number in 0..5 {
            urls.push(self.create(&format!("list-{number}"), &[]).await?);
        }
        let call = self.client.list_queues().queue_name_prefix(format!("{}-list-", self.prefix));
        let mut pages = call.into_paginator().page_size(2).send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page?.queue_urls.unwrap_or_default());
        }
        found.sort();
        check(found == urls, &found)
    }

    async fn tags(&self) -> Done {
        let url = self.create("tags", &[]).await?;
        let call = self.client.tag_queue().queue_url(&url).tags("team", "é ☃ a+b");
        call.tags("stage", "test").send().await?;
        self.client.untag_queue().queue_url(&url).tag_keys("stage").send().await?;
        let found = self.client.list_queue_tags().queue_url(&url).send().await?;
        let expected = HashMap::from([("team".to_string(), "é ☃ a+b".to_string())]);
        check(found.tags() == Some(&expected), &found)
    }

    async fn large(&self) -> Done {
        let url = self.create("large", &[]).await?;
        let body = "é".repeat(512 * 1024);
        self.send_text(&url, &body).await?;
        check(self.one(&url).await?.body() == Some(&body), "another body")
    }

    async fn presigned(&self) -> Done {
        let url = self.create("presigned", &[]).await?;
        let asked = format!("{url}?Action=SendMessage&MessageBody=by%20URL");
        let identity = Credentials::new(&self.key, &self.secret, None, None, "matrix").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sqs")
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let authority = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let headers = [("host", authority)].into_iter();
        let request = SignableRequest::new("GET", &asked, headers, SignableBody::Bytes(b""))?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let (_, query) = instructions.into_parts();
        let mut target = asked[("http://".len() + authority.len())..].to_string();
        for (name, value) in query {
            target.push_str(&format!("&{name}={}", encoded(&value)));
        }
        let mut stream = tokio::net::TcpStream::connect(authority).await?;
        let head = format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        check(response.starts_with("HTTP/1.1 200"), &response)?;
        check(self.one(&url).await?.body() == Some("by URL"), "another message")
    }

    async fn refused(&self) -> Done {
        let codes = [
            (self.key.as_str(), ["InvalidSignatureException", "SignatureDoesNotMatch"]),
            ("AKIDUNKNOWN", ["UnrecognizedClientException", "InvalidClientTokenId"]),
        ];
        for (key, expected) in codes {
            let wrong = Credentials::new(key, "x".repeat(40), None, None, "matrix");
            let config = self.client.config().to_builder().credentials_provider(wrong).build();
            let error = Client::from_conf(config).list_queues().send().await.unwrap_err();
            check(error.code().is_some_and(|code| expected.contains(&code)), &error)?;
        }
        Ok(())
    }

    /// Run a step; None if the program has none of that name.
    async fn step(&self, name: &str) -> Option<Done> {
        Some(match name {
            "queue" => self.queue().await,
            "send" => self.send().await,
            "batch" => self.batch().await,
            "poll" => self.poll().await,
            "visibility" => self.visibility().await,
            "fifo" => self.fifo().await,
            "dlq" => self.dlq().await,
            "errors" => self.errors().await,
            "purge" => self.purge().await,
            "list" => self.list().await,
            "tags" => self.tags().await,
            "large" => self.large().await,
            "presigned" => self.presigned().await,
            "refused" if self.is_signed => self.refused().await,
            _ => return None,
        })
    }
}

/// Percent-encode a value of the query.
fn encoded(value: &str) -> String {
    let mut found = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => found.push(byte as char),
            _ => found.push_str(&format!("%{byte:02X}")),
        }
    }
    found
}

#[tokio::main]
async fn main() {
    let variable = |name| env::var(name).unwrap_or_default();
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let settings = aws_sdk_sqs::config::Builder::from(&config)
        .endpoint_url(variable("SDK_ENDPOINT"))
        .build();
    let steps = Steps {
        client: Client::from_conf(settings),
        prefix: variable("SDK_PREFIX"),
        region: variable("AWS_REGION"),
        key: variable("AWS_ACCESS_KEY_ID"),
        secret: variable("AWS_SECRET_ACCESS_KEY"),
        is_signed: !variable("SDK_SIGNED").is_empty(),
    };
    println!("{}", json!({"versions": {"aws-sdk-sqs": aws_sdk_sqs::meta::PKG_VERSION}}));
    for name in variable("SDK_STEPS").split(',') {
        let said = match steps.step(name).await {
            None => json!({"step": name, "skip": "the program has no such step"}),
            Some(Ok(())) => json!({"step": name}),
            Some(Err(problem)) => json!({"step": name, "error": format!("{problem:?}")}),
        };
        println!("{said}");
    }
}
