"""What a description is made of: the images of a call, its prompts and its result."""
