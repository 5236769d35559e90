"""The public pandas tables, their schema, and the tables that charts are drawn from. Pure."""
