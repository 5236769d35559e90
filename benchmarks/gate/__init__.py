"""The gate, tried on changes that are known because they were planted."""
