"""The only package that disturbs anything: runner, guard, ledger, watchdog."""
