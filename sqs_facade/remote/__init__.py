"""SQS over HTTP at any endpoint, for the commands of daily work. Imports botocore, and of the
service only its limits."""
