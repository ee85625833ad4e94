"""A square mesh of sites with one device each, for pictures."""

from pipeline.core.inventory import Device, Interface, Inventory, Link, Site


def grid(rows: int, columns: int, *, coordinates: bool = False, name: str = "r") -> Inventory:
    """Devices ``r0-0``, ``r0-1``… linked to the next in their row and column."""
    ports: dict[tuple[int, int], list[Interface]] = {(row, column): [] for row in range(rows) for column in range(columns)}
    links = {}

    def port(at: tuple[int, int]) -> str:
        number = len(ports[at]) + 1
        ports[at].append(Interface(f"et-{number}", number, (100_000, 40_000, 10_000)[number % 3]))
        return f"{name}{at[0]}-{at[1]}/et-{number}"

    for row, column in list(ports):
        for other in ((row, column + 1), (row + 1, column)):
            if other in ports:
                made = f"{row}-{column}--{other[0]}-{other[1]}"
                links[made] = Link(made, port((row, column)), port(other))
    sites = {
        f"s{row}-{column}": Site(f"s{row}-{column}", "", 50 - row * 0.3 if coordinates else None, column * 0.5 if coordinates else None)
        for row, column in ports
    }
    devices = {
        f"{name}{row}-{column}": Device(f"{name}{row}-{column}", f"s{row}-{column}", f"10.{row}.{column}.1", interfaces=tuple(own))
        for (row, column), own in ports.items()
    }
    return Inventory("1", sites=sites, devices=devices, links=links)
