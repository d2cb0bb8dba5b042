"""Read what one text states: definitions and references, without looking at any other text."""
