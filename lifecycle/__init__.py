"""From a verdict to a decision, labels, a retrain job, the gate and a promotion."""
