"""What a verb over many documents is made of: the documents, those who work, and the outcomes."""
