"""OpenSLO v1 files: a target's SLIs and SLOs out, others' in."""
