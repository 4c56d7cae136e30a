"""What an answer is made of: its prompts, its passages and its result."""
