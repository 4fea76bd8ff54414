"""Convert the configuration files of other services to a settings file with declared queues."""
