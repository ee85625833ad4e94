"""SNMPv3's user-based security model (RFC 3414): who sent a message, that nobody changed it, that it is no old one, what it says."""
