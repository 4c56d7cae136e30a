"""What compares models and finds needles: jobs side by side, and their results."""
