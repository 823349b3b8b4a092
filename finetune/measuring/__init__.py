"""How good answers are, and what is fitted to them: metrics, intervals, calibration, thresholds."""
