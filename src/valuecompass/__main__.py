"""`python -m valuecompass` is the command `valuecompass`."""

from valuecompass.cli import main

if __name__ == "__main__":
    main()
