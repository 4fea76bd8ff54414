"""SQS over HTTP at any endpoint, for the commands of daily work. Imports botocore, and nothing of the service."""
