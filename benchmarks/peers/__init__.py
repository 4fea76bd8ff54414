"""Compare this service with other servers that speak SQS, in one run on one machine."""
