"""Index notes and code on disk, and find the passages that answer a question.

`indexing.index` writes the derived database, `search.DocumentIndex` reads it; neither needs the other at run time.
"""
