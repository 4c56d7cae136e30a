"""What a translation is made of: its units, its prompts, its checks and its result."""
