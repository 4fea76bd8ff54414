"""Amazon CloudWatch beside SQS: the metrics of queues, read by GetMetricData, GetMetricStatistics and ListMetrics."""
