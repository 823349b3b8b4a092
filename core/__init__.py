"""Nouns shared by all rooms: config, errors, records, registry, ledger, jobs and the engine."""

from core.no_telemetry import switch_off

# Here, because every process imports this package before any library that reads the variables.
switch_off()
