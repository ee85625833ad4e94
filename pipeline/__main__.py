"""``python -m pipeline`` and the command ``assure``."""

from pipeline.cli import assure


def main() -> None:
    """Run the command line."""
    assure(prog_name="assure")


if __name__ == "__main__":
    main()
