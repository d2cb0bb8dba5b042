"""Read files as text: what is worth reading, in which encoding, language and format."""
