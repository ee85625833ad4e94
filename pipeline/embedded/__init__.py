"""A broker and a ClickHouse for machines that have neither: children that speak the real ones' protocols."""
