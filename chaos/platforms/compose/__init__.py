"""The compose platform: a target's services as containers of one Docker Compose project, on any Docker engine."""
