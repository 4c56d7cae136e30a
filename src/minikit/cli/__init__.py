"""The command line: argument parsing, progress, printing only."""
