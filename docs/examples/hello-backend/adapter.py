"""Answer from three facts: an example of a backend."""

from memory_router.contract import Health, Request, Response, Result, answer, nothing, serve

FACTS = {
    "wave": "A wave of the hand is a greeting that works across a street.",
    "bow": "A bow is a greeting in Japan; the deeper, the more polite.",
    "hongi": "The hongi is a Maori greeting: noses and foreheads touch.",
}


def words_of(text: str) -> set[str]:
    """Return the words of a text, without the short ones, which say little."""
    return {word for word in "".join(char if char.isalnum() else " " for char in text.lower()).split() if len(word) > 2}


def query(request: Request) -> Response:
    """Find the facts that share words with the question."""
    asked = words_of(request.query)
    found = []
    for name, fact in FACTS.items():
        covered = len(asked & words_of(fact)) / max(1, len(asked))
        if covered:
            found.append(Result(fact, relevance=round(covered, 2), id=name))
    if not found:
        return nothing("NO_MATCH", "No fact shares a word with the question. Ask about greetings.")
    found.sort(key=lambda result: -result.relevance)
    return answer(found[: request.limit])


def health() -> Health:
    """Say that there is nothing to set up."""
    return Health("ready", f"{len(FACTS)} facts.", engine="example")


if __name__ == "__main__":
    serve("hello", query=query, health=health)
