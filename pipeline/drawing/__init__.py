"""Pictures of the topology: where things are put, and the SVG of it. Nothing here reads or writes anything."""
