"""The trap collector: SNMP notifications from UDP to the topic ``raw.traps``."""
