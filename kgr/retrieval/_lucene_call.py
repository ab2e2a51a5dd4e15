"""A search of Lucene as one Java call: a query and a number in, all hits as one text out.

Asking for each hit by itself takes several times as long as the search. And threads may share this call alone: pyjnius
keeps the object of a call with its method, not with the call, so two threads that call one method of two objects get
each other's.
"""

from __future__ import annotations

from typing import Any

from kgr.retrieval._jvm import java_class

_LUCENE = "org.apache.lucene"
_BUILDER = f"{_LUCENE}.search.BooleanQuery$Builder"


def search_call(searcher: Any, weights: Any, analyzer: Any, only: Any = None) -> Any:
    """Return a Java MethodHandle that takes a query and how many hits are wanted, and writes the hits.

    Both are texts, since pyjnius passes arrays of one type only; hits are as Java's ``Arrays.toString`` has them.

    Parameters
    ----------
    searcher, weights, analyzer
        Lucene's IndexSearcher and Analyzer, and a Map of fields to Float.
    only : optional
        A Query that hits must match too.
    """
    handles = java_class("java.lang.invoke.MethodHandles")
    words = java_class("io.anserini.search.query.BagOfWordsQueryGenerator")()
    shape = f"(java.util.Map,{_LUCENE}.analysis.Analyzer,java.lang.String){_LUCENE}.search.Query"
    query = _method("io.anserini.search.query.BagOfWordsQueryGenerator", "buildQuery", shape).bindTo(words)
    query = handles.insertArguments(query, 0, weights, analyzer)
    if only is not None:
        query = handles.filterReturnValue(query, _restricted(handles, only))
    shape = f"({_LUCENE}.search.Query,int){_LUCENE}.search.TopDocs"
    search = _method(f"{_LUCENE}.search.IndexSearcher", "search", shape).bindTo(searcher)
    number = _static("java.lang.Integer", "parseInt", "(java.lang.String)int")
    hits = handles.filterReturnValue(handles.filterArguments(search, 0, query, number), _hits())
    return handles.filterReturnValue(hits, _written())


def _restricted(handles: Any, only: Any) -> Any:
    """Return a handle that makes a query one for hits that match ``only`` as well, which adds nothing to scores."""
    occur = java_class(f"{_LUCENE}.search.BooleanClause$Occur")
    new = _lookup().findConstructor(_class(_BUILDER), _type("()void"))
    add = _method(_BUILDER, "add", f"({_LUCENE}.search.Query,{_LUCENE}.search.BooleanClause$Occur){_BUILDER}")
    both = handles.collectArguments(handles.insertArguments(add, 2, occur.MUST), 0, new)
    both = handles.filterReturnValue(both, handles.insertArguments(add, 1, only, occur.FILTER))
    build = _method(_BUILDER, "build", f"(){_LUCENE}.search.BooleanQuery")
    return handles.filterReturnValue(both, build.asType(_type(f"({_BUILDER}){_LUCENE}.search.Query")))


def _hits() -> Any:
    return _lookup().findGetter(
        _class(f"{_LUCENE}.search.TopDocs"), "scoreDocs", _class(f"[L{_LUCENE}.search.ScoreDoc;")
    )


def _written() -> Any:
    write = _static("java.util.Arrays", "toString", "(java.lang.Object[])java.lang.String")
    return write.asType(_type(f"({_LUCENE}.search.ScoreDoc[])java.lang.String"))


def _method(owner: str, name: str, shape: str) -> Any:
    return _lookup().findVirtual(_class(owner), name, _type(shape))


def _static(owner: str, name: str, shape: str) -> Any:
    return _lookup().findStatic(_class(owner), name, _type(shape))


def _lookup() -> Any:
    return java_class("java.lang.invoke.MethodHandles").publicLookup()


def _class(name: str) -> Any:
    return java_class("java.lang.Class").forName(name)


def _type(shape: str) -> Any:
    """Return the Java MethodType of ``(argument,argument)result``."""
    arguments, _, result = shape[1:].partition(")")
    described = "".join(map(_descriptor, arguments.split(",") if arguments else ()))
    loader = _class(f"{_LUCENE}.search.Query").getClassLoader()
    return java_class("java.lang.invoke.MethodType").fromMethodDescriptorString(
        f"({described}){_descriptor(result)}", loader
    )


def _descriptor(name: str) -> str:
    """Return a type as Java's files name it."""
    if name.endswith("[]"):
        return "[" + _descriptor(name.removesuffix("[]"))
    return {"int": "I", "void": "V"}.get(name) or f"L{name.replace('.', '/')};"
