"""The open-loop traffic generator, a process of its own, and the runner's side of it. Importing this costs nothing."""
