"""Sememes of synsets: predicted from texts, from the graph, and from both; of new synsets too (arXiv 1912.01795).

What is known: ``annotations`` (which synset has which sememe, by split) and ``descriptions`` (texts, places in WordNet
and edges of synsets, of the store and new ones alike). All that scores is a ``scorer`` of descriptions:

- ``neighbours`` over ``views``, each a way to compare synsets (``word_views``, ``concept_views``, ``graph_view``,
  ``dense_view``; ``bags`` and ``edges`` are what they are made of);
- ``propagation`` along the edges; link models as tasks of the engine (``graph_train``, with ``graph_base``,
  ``graph_config``, ``graph_material``, ``graph_task`` and ``spbs_rr``);
- ``ranker``: trees over ``features`` of a synset and a sememe, which ``sources`` give (``related``,
  ``wordnet_related``, ``names``);
- ``ensemble`` of several of these, and ``popularity``, the floor of every figure.

``config`` names them, ``material`` is what they are fitted on, ``methods`` fits them. ``train`` makes a ``run``, which
keeps what was ``learned`` on valid; ``measure``, ``calibration`` and ``evaluate`` say how good it is; ``predict``,
``export`` and ``lookup`` are for users.
"""
