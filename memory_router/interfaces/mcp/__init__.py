"""Serve agents over the Model Context Protocol; the SDK is the extra `mcp`."""
