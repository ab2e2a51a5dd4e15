"""What an entry is: bit flags, for one entry may be several (an entity with a text of its own is a document too)."""

ENTITY = 1
DOCUMENT = 2
SYNSET = 4
SEMEME = 8
