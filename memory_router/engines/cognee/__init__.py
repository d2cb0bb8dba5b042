"""Ask the real Cognee: its server if one answers, else its graph files, read where they lie. It is never imported."""
