"""Remember facts and find them again: one store, in which relevance and time rank together."""
