"""Background threads of every process: housekeeping and message move tasks."""
