"""Keep conversations as a graph of turns, and recall decisions with what led to them and what came after."""
