"""The Batch API as a way to send: calls are gathered, travel as files, and are answered later."""
