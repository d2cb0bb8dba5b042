"""Search notes and code: the embedded engine behind `backends/qmd`."""
