"""Records become numbers: metrics, statistics, audit, bounds, estimates and comparisons. Pure."""
