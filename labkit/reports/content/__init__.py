"""What several report formats are made of."""
