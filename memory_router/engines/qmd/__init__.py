"""Read the index of the real QMD (`@tobilu/qmd`), and ask its models where they are there."""
