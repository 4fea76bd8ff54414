"""Settings: their definitions, their sources and their allowed values."""
