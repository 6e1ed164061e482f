"""The embedded platform: a target's services as processes of this machine, on loopback, under a supervisor."""
