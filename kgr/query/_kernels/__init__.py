"""Kernels over a graph's arrays and a program's tables (:mod:`kgr.query.program`).

``candidates`` draws and indexes a batch's candidates; ``ground`` draws a query backward; ``sets``
computes the sets of its nodes; ``pull`` asks which of some entities are answers; ``shared`` strikes
the answers from a batch's candidates by the cheapest plan; ``own`` draws each query's own negatives;
``sample`` is the loop over a batch's rows; ``select`` finds queries whose answers differ between two
graphs, and ``derive`` the cheapest derivations of answers.

The sets live in one int32 arena, stack-like, or stay slices of the graph's tails. Work tables, one
row per literal and per node: ``L[i] = kind, start, size, relation, node, sign, kept`` and ``S[j] =
start, size, sorted, marked, kept, state``; *kept* says that the members stand in the arena, and a node
is *marked* while they are set in ``bits[j]``. The last row of ``bits`` is for passing use, the one
before it the caller's.

Bounds: sets are made forward within a budget of edges. Those that would cost more *wait*: they are
not made, but restricted to what may lead to the entities in question, backward from these (``pull``),
within the same budget; where that is dearer too the budget grows fourfold. So making the sets costs at
most a constant times the cheaper of forward and backward. What no budget counts is the test whether a
member has a link into a set, which reads its edges of that relation up to the first hit.
"""
