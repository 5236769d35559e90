"""What is asked: a TOML file becomes an experiment, and an experiment a plan of blocks and slices."""
