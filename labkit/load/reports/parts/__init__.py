"""What several formats of a load are made of."""
