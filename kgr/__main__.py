"""``python -m kgr`` is ``kgr``."""

from kgr.cli import main

if __name__ == "__main__":
    main()
