"""The poll collector: asks every device on schedule over SNMP and puts what it says, or its silence, on topic ``raw.polls``."""
