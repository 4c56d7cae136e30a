"""What texts for many rows are made of: the rows, their run and their outcomes."""
