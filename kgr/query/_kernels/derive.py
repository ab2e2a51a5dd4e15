"""The cheapest derivation of each answer, where a link has one price if it is known and another if not.

Set j is ``members[j, :count[j]]`` with the price of each member in ``cost[j]`` (int32[nodes + 1, G]), NONE where
an entity is no member. The last set is for passing use. Between queries all sets are empty.
"""

import numpy as np

from kgr._jit import kernel
from kgr.graph._kernels import span
from kgr.query.program import ALONG, ANCHOR_OF, FIRST, IS_UNION, LAST, NODE_OF, SIGN

NONE = np.int32(2**31 - 1)


@kernel
def _offer(x, price, cost, members, n):
    """Let x be in a set of n members at this price, unless it is there at a lower one; the new size."""
    if cost[x] == NONE:
        members[n] = x
        n += 1
    if price < cost[x]:
        cost[x] = price
    return n


@kernel
def _follow(small, large, x, r, price, prices, cost, members, n):
    """Offer the r-neighbours of x at its price and that of the link, prices[1] where it is known; the new size."""
    a, b = span(large[0], large[1], large[2], x, r)
    c, d = span(small[0], small[1], small[2], x, r)
    for e in range(a, b):
        y = np.int64(large[3][e])
        # the smaller graph's edges are among the larger one's, and both ascend
        known = np.int64(c < d and small[3][c] == y)
        c += known
        n = _offer(y, price + prices[known], cost, members, n)
    return n


@kernel
def _offer_literal(small, large, literal, arguments, prices, cost, members, count, out):
    """Offer what a literal has, whatever its sign, to set ``out``."""
    node = literal[NODE_OF]
    along = literal[ALONG]
    n = count[out]
    if node < 0:
        anchor = arguments[literal[ANCHOR_OF]]
        n = _follow(small, large, anchor, arguments[along], np.int64(0), prices, cost[out], members[out], n)
    else:
        for k in range(count[node]):
            x = np.int64(members[node, k])
            price = np.int64(cost[node, x])
            if along < 0:
                n = _offer(x, price, cost[out], members[out], n)
            else:
                n = _follow(small, large, x, arguments[along], price, prices, cost[out], members[out], n)
    count[out] = n


@kernel
def _keep(positive, cost, members, count, j, other):
    """Keep of set j what the other has, adding its price, or what it has not."""
    m = 0
    for k in range(count[j]):
        x = members[j, k]
        price = cost[other, x]
        if (price != NONE) == positive:
            members[j, m] = x
            m += 1
            if positive:
                cost[j, x] += price
        else:
            cost[j, x] = NONE
    count[j] = m


@kernel
def _clear(cost, members, count, j):
    for k in range(count[j]):
        cost[j, members[j, k]] = NONE
    count[j] = 0


@kernel
def _derive(small, large, node, literals, arguments, prices, cost, members, count, j):
    """Compute set j, a union or an intersection of literals."""
    first = node[FIRST]
    while not literals[first, SIGN]:
        first += 1
    _offer_literal(small, large, literals[first], arguments, prices, cost, members, count, j)
    other = cost.shape[0] - 1
    for i in range(node[FIRST], node[LAST]):
        if i != first:
            out = j if node[IS_UNION] else other
            _offer_literal(small, large, literals[i], arguments, prices, cost, members, count, out)
            if out == other:
                _keep(literals[i, SIGN] == 1, cost, members, count, j, other)
                _clear(cost, members, count, other)


@kernel
def _cheapest(small, large, nodes, literals, arguments, offsets, answers, prices, cost, members, count, out):
    """out[i] = price of the cheapest derivation of answers[i], one of row b where offsets[b] <= i < offsets[b + 1]."""
    last = nodes.shape[0] - 1
    for b in range(arguments.shape[0]):
        for j in range(last + 1):
            _derive(small, large, nodes[j], literals, arguments[b], prices, cost, members, count, j)
        for i in range(offsets[b], offsets[b + 1]):
            out[i] = cost[last, answers[i]]
        for j in range(last + 1):
            _clear(cost, members, count, j)
