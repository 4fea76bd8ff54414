"""How subscribers are told of new messages."""
