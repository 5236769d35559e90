"""How far a run's verdicts and intervals can be relied on, measured with many whole runs."""
