"""Find the passages that answer a question, in any store, with one honest number.

question -> terms -> candidates (full text and vectors) -> features -> relevance. A store gives rows, units, neighbours
and filters (`search.PassageStore`); it neither ranks nor judges.
"""
