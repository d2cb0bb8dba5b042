"""Open the graph for reading and answer questions about relations."""

from typing import NamedTuple

import apsw

from memory_router.engines.graph import answering, connecting, questions, walking
from memory_router.engines.graph.entity import Edge, Entity, Finding, GraphAnswer, LinkedEntities
from memory_router.engines.graph.reader import Graph
from memory_router.engines.graph.schema import SCHEMA
from memory_router.storage.sqlite import DatabaseReader, named_errors

_TOO_WEAK = 0.15  # a phrase that fits nothing better than that names nothing


class GraphStatistics(NamedTuple):
    """What a graph holds."""

    texts: int
    entities: int
    relations: int


class Neighbourhood(NamedTuple):
    """What surrounds a thing.

    Args:
        center: its number.
        entities: everything there, by number.
        edges: the relations among them.
    """

    center: int
    entities: dict[int, Entity]
    edges: list[Edge]


class KnowledgeGraph(DatabaseReader):
    """Answer questions from one graph; open it with `KnowledgeGraph.open` and keep it as long as questions come."""

    schema = SCHEMA

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        super().__init__(connection, path)
        self._graph = Graph(connection)

    def statistics(self) -> GraphStatistics:
        """Count what the graph holds.

        Raises:
            StoreError: the graph is damaged or locked.
        """
        with named_errors(self.path):
            counts = (
                int(self._graph.connection.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608  # constants
                for table in ("files", "nodes", "edges")
            )
            return GraphStatistics(*counts)

    def find(self, phrase: str) -> LinkedEntities:
        """Return what a phrase means, the likeliest first.

        Raises:
            StoreError: the graph is damaged or locked.
        """
        with named_errors(self.path):
            return self._graph.link(phrase)

    def neighbourhood(self, phrase: str, depth: int = 1, most: int = 200) -> Neighbourhood | None:
        """Return what surrounds a thing, or None if nothing is called so.

        Args:
            phrase: what it is called.
            depth: how many steps away.
            most: the largest number of things.

        Raises:
            StoreError: the graph is damaged or locked.
        """
        linked = self.find(phrase)
        return self.around(linked.entities[0].id, depth, most) if linked.is_name else None

    def around(self, center: int, depth: int = 1, most: int = 200) -> Neighbourhood | None:
        """Return what surrounds the thing with a number, or None; `neighbourhood` has the rest."""
        with named_errors(self.path):
            reached, edges = walking.surroundings(self._graph.connection, center, depth, most)
            entities = self._graph.entities(reached)
        return Neighbourhood(center, entities, edges) if center in entities else None

    def told(self, number: int, relations: int) -> Finding | None:
        """Return what is known of the thing with a number, or None.

        Args:
            number: the thing's number in the graph.
            relations: the largest number of its relations that are told.

        Raises:
            StoreError: the graph is damaged or locked.
        """
        with named_errors(self.path):
            thing = self._graph.entities([number]).get(number)
            if thing is None:
                return None
            linked = LinkedEntities(thing.qualified, (thing,), (1.0,), 1)
            around = answering.surroundings(self._graph, linked, (), relations) if relations else ()
        head = f"{thing.shown}: {thing.summary}" if thing.summary else thing.shown
        content = "\n".join([head, *(finding.content for finding in around)])
        return Finding(content, 1.0, thing.shown, thing.path, thing.line, thing.modified, number)

    def ask(self, question: str, limit: int = 10) -> GraphAnswer:
        """Answer a question about what depends on what, how things relate, and the ways between them.

        Args:
            question: any text; it is never read as a query language.
            limit: the largest number of findings.

        Raises:
            StoreError: the graph is damaged or locked.
        """
        parsed = questions.read(question)
        if limit < 1 or not parsed.things:
            return GraphAnswer([], parsed.intent, "Nothing was asked for.", "NO_ENTITY")
        with named_errors(self.path):
            # What asks for no relation is about a thing only where it names one.
            link = self._graph.link_name if parsed.intent == questions.SURROUNDINGS else self._graph.link
            linked = list(map(link, parsed.things))
            if parsed.intent == questions.SURROUNDINGS and not linked[0].is_name:
                return GraphAnswer([], parsed.intent, "The question names nothing in the graph.", "NO_ENTITY")
            unknown = [match.phrase for match in linked if match.score < _TOO_WEAK]
            if unknown:
                names = " and ".join(f'"{phrase}"' for phrase in unknown)
                return GraphAnswer([], parsed.intent, f"Nothing in the graph is called {names}.", "NO_ENTITY")
            notes = list(map(_ambiguity, linked))
            if parsed.intent == questions.DEPENDENTS:
                dependents = answering.dependents(self._graph, linked[0], parsed.kinds, limit, is_far=parsed.is_far)
                findings = dependents.findings
                if dependents.texts > limit:
                    notes.append(
                        f"{dependents.texts} texts depend on it directly; {limit} are shown (`--limit` shows more)."
                    )
            else:
                findings = self._findings(parsed, linked, limit)
            if not findings:
                notes.append(self._nothing(parsed, linked))
        note = " ".join(filter(None, notes))
        code = "" if findings else "NO_CHAIN" if parsed.intent == questions.CHAIN else "NO_RELATION"
        return GraphAnswer(findings, parsed.intent, note, code)

    def _nothing(self, asked: questions.GraphQuestion, linked: list[LinkedEntities]) -> str:
        """Return why no way between things is told."""
        if asked.intent != questions.CHAIN or not connecting.is_code(*linked):
            return f"No relation of {' and '.join(match.entities[0].shown for match in linked)} is known."
        start, end = (match.entities[0].shown for match in linked)
        links = " or ".join(asked.kinds) if asked.kinds else "calls or imports"
        told = f"No chain of {links} from {start} to {end} is known."
        back = connecting.leads_back(self._graph, linked[0], linked[1], asked.kinds)
        return f"{told} One leads the other way round." if back else told

    def _findings(self, asked: questions.GraphQuestion, linked: list[LinkedEntities], limit: int) -> list[Finding]:
        if asked.intent == questions.DEPENDENCIES:
            return answering.dependencies(self._graph, linked[0], asked.kinds, limit)
        if asked.intent == questions.SURROUNDINGS:
            return answering.surroundings(self._graph, linked[0], asked.kinds, limit)
        is_chain = asked.intent == questions.CHAIN
        return connecting.between(self._graph, linked[0], linked[1], asked.kinds, limit, is_chain=is_chain)


def _ambiguity(linked: LinkedEntities) -> str:
    if not linked.is_name or linked.homonyms < 2:
        return ""
    others = [_place(entity) for entity in linked.entities[1:4]]
    more = f" and {linked.homonyms - 4} more" if linked.homonyms > 4 else ""
    return (
        f'"{linked.phrase}" is the name of {linked.homonyms} things: taken as {_place(linked.entities[0])};'
        f" also {', '.join(others)}{more}."
    )


def _place(entity: Entity) -> str:
    return f"{entity.shown} in {entity.path}:{entity.line}" if entity.path else entity.shown
