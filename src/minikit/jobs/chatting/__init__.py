"""What a chat is made of: its conversation, what of it is sent, and its replies."""
