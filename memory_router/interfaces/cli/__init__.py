"""The command line where no resident answers it."""
