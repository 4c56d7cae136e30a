"""Summaries and answers from texts longer than the model's window, with the cost known."""
