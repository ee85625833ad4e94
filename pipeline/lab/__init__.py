"""The simulated operator: real SNMP agents and traps on loopback, with faults to inject. See the README beside this file."""
