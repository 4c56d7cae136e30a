"""What an extraction is made of: its records, their evidence and its result."""
