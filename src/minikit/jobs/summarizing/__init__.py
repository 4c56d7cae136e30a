"""What a summary is made of: its sizes, its prompts, its parts and its result."""
