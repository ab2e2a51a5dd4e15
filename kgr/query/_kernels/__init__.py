"""Kernels over a graph's arrays and a program's tables (:mod:`kgr.query.program`).

``ground`` draws a query backward; ``sets`` computes the sets of its nodes; ``root`` finds which
candidates are in the last one by the cheapest plan; ``sample`` is the loop over a batch's rows;
``select`` finds queries whose answers differ between two graphs.

The sets live in one int32 arena, stack-like. Work tables, one row per literal and per node:
``L[i] = kind, start, size, relation, node, sign`` and ``S[j] = start, size, sorted, marked``; a node
is *marked* while its members are set in ``bits[j]``. The last row of ``bits`` is for
passing use, the one before it the caller's.
"""
