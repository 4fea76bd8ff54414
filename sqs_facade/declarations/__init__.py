"""Declared queues: the tables ``[queue.NAME]`` of the settings file, and how the store is made to match them."""
