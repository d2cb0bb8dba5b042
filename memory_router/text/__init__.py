"""What several rooms need of text."""
