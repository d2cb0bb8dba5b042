"""Keep a graph of what is indexed: code, documents, and the people and things they name; and walk it.

`building.bring_up_to_date` writes the derived database without a model, `search.KnowledgeGraph` reads it; neither
needs the other at run time.
"""
