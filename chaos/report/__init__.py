"""Journal and verdict to text. Nothing here measures, judges or touches anything; stdout gets what these return."""
