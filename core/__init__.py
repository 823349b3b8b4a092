"""Shared by all other packages: config, errors, records, registry, ledger, jobs and the engine."""

from core.processes.no_telemetry import switch_off
from core.processes.openmp import spin_briefly

# Every process imports this package before the libraries, which read the variables at import.
switch_off()
spin_briefly()
