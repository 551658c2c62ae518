"""Real attacks on real processes, with a control run."""
