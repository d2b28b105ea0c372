"""Plan every trial of a comparison, validated and ordered before anything starts."""
