"""MIB sources -> the compact index: repairs, pysmi in a subprocess for each module, and what decoding needs of its answer."""
