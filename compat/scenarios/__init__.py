"""The scenarios, one module per theme, declared with ``sqs_facade.compat.scenario.scenario``."""
