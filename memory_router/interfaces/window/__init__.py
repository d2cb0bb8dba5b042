"""The window: a local web page to see why an answer was given, to decide, and to look into every memory."""
