"""Asks a range of addresses over SNMP what they are and whom they are connected to; the core makes devices and links of the answers."""
