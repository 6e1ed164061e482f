"""Runs without a fault: what they are made of, and what they teach. Values in, values out; the runs are rehearsal's."""
