"""What several faults stand on: the checks of their parameters, and how links and services are disturbed."""
