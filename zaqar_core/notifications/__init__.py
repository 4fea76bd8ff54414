"""Notifications: deliver new messages to the subscribers of a queue."""
