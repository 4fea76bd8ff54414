"""Settings: what they are, where their values come from, and what is allowed."""
