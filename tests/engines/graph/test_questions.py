"""Laws of questions about change, and of names as people write them, in six languages."""

import pytest

from memory_router.engines.graph import questions


@pytest.mark.parametrize(
    "question",
    [
        "if I change store.py, what breaks",
        "what happens if I change store.py",
        "welche Auswirkungen hat eine Änderung an store.py",
        "qué impacto tiene cambiar store.py",
        "quel impact aurait un changement de store.py",
        "store.py を変更した場合の影響範囲",
        "store.py を変えると影響を受けるものは何ですか",
        "如果 store.py 改变,什么会受影响",
        "store.py 改了会影响哪些模块",
        "所有会因 store.py 改变而变化的东西",
        "qu'est-ce qui serait affecté par un changement de store.py",
        "if store.py is removed, which services stop working?",
        "what is affected by a change to store.py",
        "which tests fail if I delete store.py",
        "everything that would have to be changed if store.py changes",
        "what else has to change if we touch store.py",
        "was ist betroffen, wenn store.py geändert wird",
        "wenn ich store.py ändere, was geht kaputt",
        "tout ce qui changerait si on renomme store.py",
        "si je modifie store.py, qu'est-ce qui casse",
        "todo lo que cambiaría si renombro store.py",
        "si cambio store.py, ¿qué se rompe?",
        "修改 store.py 的影响",
        "如果我重命名 store.py,哪些东西会变",
        "store.py の名前を変えたら変更が必要なものすべて",
        "store.py の変更の影響",
    ],
)
def test_what_follows_from_a_change_is_asked_to_the_end(question: str) -> None:
    """Whichever part of the question comes first, the thing is found, and indirect dependents are wanted."""
    asked = questions.read(question)
    assert (asked.intent, asked.things, asked.is_far) == (questions.DEPENDENTS, ("store.py",), True)


@pytest.mark.parametrize("question", ["哪些服务与 store 通信", "どのサービスが store と通信していますか"])
def test_who_talks_to_a_thing_depends_on_it(question: str) -> None:
    """Talking to a thing is depending on it, and no more than one step of it."""
    asked = questions.read(question)
    assert (asked.intent, asked.things, asked.is_far) == (questions.DEPENDENTS, ("store",), False)


@pytest.mark.parametrize("question", ["does alpha ever call beta?", "can alpha reach beta", "does alpha call beta"])
def test_whether_a_thing_calls_another_asks_for_a_chain(question: str) -> None:
    """Such a question is answered by calls in their direction, never by what both call."""
    asked = questions.read(question)
    assert (asked.intent, asked.things) == (questions.CHAIN, ("alpha", "beta"))


@pytest.mark.parametrize(
    "question",
    [
        "where do we call store",
        "does anything call store?",
        "who is calling store",
        "what code calls store",
        "is there any module that calls store",
        "von wem wird store aufgerufen",
        "ruft irgendwas store auf",
        "par qui est appelée store",
        "où est appelée store",
        "où store est-elle appelée ?",
        "por quién es llamada store",
        "store 在哪里被调用",
        "store はどこで呼ばれていますか",
        "store が呼ばれている場所",
    ],
)
def test_callers_are_asked_for_in_every_voice(question: str) -> None:
    """Active or passive, with anybody or anything as the subject: the callers of the one thing are wanted."""
    asked = questions.read(question)
    assert (asked.intent, asked.things, asked.kinds) == (questions.DEPENDENTS, ("store",), ("calls",))


@pytest.mark.parametrize(
    "question",
    [
        "which functions are called by store",
        "qu'appelle store",
        "a qué llama store",
        "store は何を呼び出していますか",
    ],
)
def test_callees_are_asked_for(question: str) -> None:
    """What is called by a thing is what it depends on."""
    asked = questions.read(question)
    assert (asked.intent, asked.things, asked.kinds) == (questions.DEPENDENCIES, ("store",), ("calls",))


@pytest.mark.parametrize(
    "question",
    [
        "does alpha end up calling beta",
        "is beta reachable from alpha",
        "is beta ever called by alpha?",
        "ruft alpha beta auf",
        "¿llama alpha a beta?",
        "alpha 会调用 beta 吗",
        "alpha は beta を呼びますか",
    ],
)
def test_reaching_is_a_chain(question: str) -> None:
    """Whether one thing reaches another is asked in either direction of speech, and read in that of the calls."""
    asked = questions.read(question)
    assert (asked.intent, asked.things) == (questions.CHAIN, ("alpha", "beta"))


def test_quotation_marks_keep_an_article() -> None:
    """What stands in quotation marks is a name as it is, article and all."""
    assert questions.read('which notes link to "The road"').things == ("The road",)
    assert questions.read("which notes link to the road").things == ("road",)
    assert questions.read("which notes link to The Road").things == ("The Road",)
