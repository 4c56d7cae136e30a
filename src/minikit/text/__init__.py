"""What is sent: document and spans, split, sentences, pack, extractive."""
