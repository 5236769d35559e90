"""What charts are drawn with: the colours of stacks, still pictures (matplotlib) and interactive figures (Bokeh)."""
