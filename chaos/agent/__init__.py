"""What runs in our own container on the engine's machine: the hands of the compose platform there."""
