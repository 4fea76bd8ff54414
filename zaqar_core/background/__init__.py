"""What every process does beside requests: housekeeping and message move tasks."""
