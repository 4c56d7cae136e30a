"""What training files are read and priced by."""
