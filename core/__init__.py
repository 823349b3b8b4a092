"""Nouns shared by all rooms: config, errors, records, registry, ledger, jobs and the engine."""
